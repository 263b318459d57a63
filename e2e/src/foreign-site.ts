import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Somebody else's web page, which tries to read and to drive ours from the browser that both are open in. */
export interface ForeignSite {
  readonly port: number;
  close(): Promise<void>;
}

/** Each attempt ends with what it got out of it: `nothing` is what it should get. */
const attempts = `
  const target = new URLSearchParams(location.search).get('target');
  const picture = new URLSearchParams(location.search).get('picture');
  const got = (what) => () => what;
  const within = (promise) => Promise.race([promise.catch(() => 'nothing'), new Promise((resolve) => setTimeout(resolve, 5000, 'nothing'))]);
  const load = (node, attribute, url) => new Promise((resolve) => {
    node.onload = () => resolve(node.naturalWidth === 0 ? 'nothing' : 'loaded');
    node.onerror = () => resolve('nothing');
    node[attribute] = url;
    document.body.append(node);
  });
  const attempts = {
    'read the page': () => fetch(target + '/', { credentials: 'include' }).then((answer) => answer.text()),
    'read a search': () => fetch(target + '/?q=steam').then((answer) => answer.text()),
    'read the events': () => new Promise((resolve) => {
      const events = new EventSource(target + '/events');
      events.onopen = () => resolve('open');
      events.onerror = () => { events.close(); resolve('nothing'); };
    }),
    'show a picture': () => load(new Image(), 'src', picture),
    'run a download as a script': () => load(document.createElement('script'), 'src', picture.replace('/pictures/', '/results/').replace('/thumbnail', '.json')).then(got('nothing')),
    'scan, without looking at the answer': () => fetch(target + '/scan', { method: 'POST', mode: 'no-cors' }).then(got('nothing')),
    'scan, with a header of its own': () => fetch(target + '/scan', { method: 'POST', headers: { 'x-fragment': 'view' } }).then((answer) => answer.text()),
    'scan by a form': () => {
      const frame = Object.assign(document.createElement('iframe'), { name: 'hidden' });
      const form = Object.assign(document.createElement('form'), { method: 'post', action: target + '/scan', target: 'hidden' });
      document.body.append(frame, form);
      form.submit();
      return new Promise((resolve) => { frame.onload = () => resolve('nothing'); });
    },
    'read a window that it opens': async () => {
      const opened = open(target + '/');
      await new Promise((resolve) => setTimeout(resolve, 500));
      return opened.document.body.innerText;
    },
  };
  window.outcomes = Promise.all(Object.entries(attempts).map(async ([name, attempt]) => [name, await within(Promise.resolve().then(attempt))]));
`;

export async function serveForeignSite(): Promise<ForeignSite> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    const framed = new URL(request.url ?? '/', 'http://foreign').searchParams.get('framed');
    if (framed !== null) response.end(`<!doctype html><iframe id="frame" src="${encodeURI(framed)}"></iframe>`);
    else response.end(`<!doctype html><body><script>${attempts}</script>`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
