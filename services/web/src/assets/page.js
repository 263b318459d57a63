/*
 * Makes pages comfortable that work without it: results appear by themselves, search answers while somebody types, boxes
 * and lines light up together. Text that was read only ever moves as text and nodes, never as markup.
 *
 * One file, though it does several things: a browser asks for it once, under an address that changes with its content, and
 * nothing has to be built. Modules that import each other could not have such addresses. Its parts stand under headings
 * and share little but `view`, `renew` and `announce`.
 */
const view = () => document.getElementById('view');
const live = () => view()?.dataset.live ?? 'never';

/* Times in the reader's own zone and way of writing. */

const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const toTheSecond = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

function localizeTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const date = new Date(time.dateTime);
    time.textContent = dayAndTime.format(date);
    time.title = toTheSecond.format(date);
  }
}

/* What a screen reader says, and what everybody sees when the server is away. */

function announce(text) {
  document.getElementById('announcer').textContent = text;
}

function showTrouble(text) {
  const trouble = document.getElementById('trouble');
  trouble.hidden = text === '';
  if (trouble.textContent !== text) trouble.textContent = text;
}

/* Making the view anew */

let request;

/** Fetches the page at `url` and puts its view in the place of the one that is shown; an older request is given up. */
async function renew(url) {
  request?.abort();
  const own = (request = new AbortController());
  try {
    const response = await fetch(url, { headers: { 'x-fragment': 'view', accept: 'text/html' }, signal: own.signal });
    if (!response.ok) throw new Error(String(response.status));
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').getElementById('view');
    if (fresh === null || own.signal.aborted) return undefined;
    showTrouble('');
    return putView(fresh);
  } catch {
    if (!own.signal.aborted) showTrouble('The server does not answer. What you see may be old; it is asked again.');
    return undefined;
  } finally {
    if (request === own) request = undefined;
  }
}

/** Returns how many rows are new. */
function putView(fresh) {
  localizeTimes(fresh);
  const current = view();
  const [oldRows, newRows] = [current.querySelector('[data-rows]'), fresh.querySelector('[data-rows]')];
  const known = new Map([...(oldRows?.children ?? [])].map((row) => [row.dataset.key, row]));
  let added = 0;
  for (const row of newRows?.children ?? []) {
    if (known.has(row.dataset.key)) continue;
    added++;
    if (oldRows !== null) row.classList.add('fresh');
  }
  const focused = keyOfFocus(current);
  current.dataset.live = fresh.dataset.live;
  if (oldRows === null || newRows === null) current.replaceChildren(...fresh.childNodes);
  else {
    mergeRows(oldRows, newRows);
    replaceAround(current, { fresh, kept: oldRows });
  }
  if (focused !== undefined) restoreFocus(current, focused);
  return added;
}

/** Rows that are the same stay where they are: pictures do not flicker, and who is in one with the keyboard stays there. */
function mergeRows(list, fresh) {
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const wanted = [...fresh.children].map((row) => {
    const old = known.get(row.dataset.key);
    old?.classList.remove('fresh');
    return old?.isEqualNode(row) ? old : row;
  });
  const staying = new Set(wanted);
  for (const row of Array.from(list.children)) if (!staying.has(row)) row.remove();
  let at = list.firstElementChild;
  for (const row of wanted) {
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
}

/** Everything in `current` beside the list gives way to what is beside its stand-in in `fresh`. */
function replaceAround(current, { fresh, kept }) {
  const place = [...fresh.children].findIndex((child) => child.matches('[data-rows]'));
  for (const child of Array.from(current.childNodes)) if (child !== kept) child.remove();
  const around = [...fresh.children];
  kept.before(...around.slice(0, place));
  kept.after(...around.slice(place + 1));
}

function keyOfFocus(root) {
  const { activeElement: element } = document;
  if (element === null || !root.contains(element)) return undefined;
  return { row: element.closest('[data-key]')?.dataset.key, href: element.getAttribute('href'), tag: element.tagName };
}

function restoreFocus(root, { row, href, tag }) {
  if (root.contains(document.activeElement)) return;
  const within =
    row === undefined ? root : [...root.querySelectorAll('[data-key]')].find((one) => one.dataset.key === row);
  const again = [...(within?.querySelectorAll(tag) ?? [])].find((element) => element.getAttribute('href') === href);
  again?.focus({ preventScroll: true });
}

/* Live pages */

const pauseMs = 800;
const statusEveryMs = 3_000;
let events;
let renewing = false;
let isDue = false;

/** At most one at a time, and not without pause: what changes meanwhile is in the next one. */
async function renewSoon() {
  isDue = true;
  if (renewing) return;
  renewing = true;
  while (isDue && !document.hidden && live() !== 'never') {
    isDue = false;
    // Somebody is typing: the answer to that is as new as can be.
    if (request === undefined) {
      const added = await renew(location.href);
      if (added > 0) announce(added === 1 ? 'One new result' : `${added} new results`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  renewing = false;
}

/** A page that nobody looks at holds no connection: browsers have few of them for each server. */
function follow() {
  const wanted = !document.hidden && live() === 'changes';
  if (!wanted) {
    events?.close();
    events = undefined;
  } else if (events === undefined || events.readyState === EventSource.CLOSED) {
    events = new EventSource('/events');
    events.addEventListener('changed', () => void renewSoon());
    // A refusal ends it for good, unlike a broken connection.
    events.addEventListener('error', () => setTimeout(follow, 5_000));
  }
}

function startLive() {
  document.addEventListener('visibilitychange', () => {
    follow();
    if (!document.hidden) void renewSoon();
  });
  setInterval(() => {
    if (live() === 'seconds') void renewSoon();
  }, statusEveryMs);
  follow();
}

/* Search as you type */

const typingPauseMs = 140;

function startSearch(field) {
  let timer;
  let shown = field.value.trim();
  const search = async () => {
    clearTimeout(timer);
    const query = field.value.trim();
    if (query === shown) return;
    shown = query;
    const url = query === '' ? '/' : `/?${new URLSearchParams({ q: query })}`;
    history.replaceState(null, '', url);
    const done = await renew(url);
    if (done !== undefined) announce(document.getElementById('found')?.textContent ?? '');
  };
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => void search(), typingPauseMs);
  });
  field.form.addEventListener('submit', (event) => {
    event.preventDefault();
    void search();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea'))
      return;
    event.preventDefault();
    field.select();
  });
}

/* Boxes and lines */

const lineOf = (number) => document.getElementById(`line-${number}`);
const boxOf = (number) => document.getElementById(`box-${number}`);
const numberOf = (node) => {
  const tied = node instanceof Element ? node.closest('[data-line], [data-box]') : null;
  return tied?.dataset.line ?? tied?.dataset.box;
};

let lit;

function light(number) {
  if (number === lit) return;
  for (const node of [lineOf(lit), boxOf(lit)]) node?.classList.remove('on');
  for (const node of [lineOf(number), boxOf(number)]) node?.classList.add('on');
  lit = number;
}

function startBoxes() {
  // One stop for the Tab key; the arrows lead from box to box.
  const boxes = [...document.querySelectorAll('[data-box]')];
  for (const box of boxes.slice(1)) box.setAttribute('tabindex', '-1');
  document.addEventListener('pointerover', (event) => light(numberOf(event.target)));
  document.addEventListener('focusin', (event) => {
    const number = numberOf(event.target);
    light(number);
    if (number === undefined || !event.target.matches(':focus-visible')) return;
    const other = event.target.closest('[data-line]') ? boxOf(number) : lineOf(number);
    other?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  });
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('[data-box], [data-line] .no') : null;
    const number = numberOf(link);
    if (number === undefined) return;
    event.preventDefault();
    const other = link.matches('[data-box]') ? lineOf(number) : boxOf(number);
    other.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    (link.matches('[data-box]') ? other.querySelector('a') : other).focus({ preventScroll: true });
    light(number);
    history.replaceState(null, '', `#line-${number}`);
  });
  document.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const tied =
      step !== undefined && event.target instanceof Element ? event.target.closest('[data-line], [data-box]') : null;
    if (!tied || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    const all = [...document.querySelectorAll(tied.matches('[data-box]') ? '[data-box]' : '[data-line]')];
    const next = all[all.indexOf(tied) + step];
    (next?.matches('[data-line]') ? next.querySelector('a') : next)?.focus();
  });
}

/* Copying */

async function copy(text) {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  // Browsers have a clipboard on secure pages only; this older way works on all.
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  // oxlint-disable-next-line typescript/no-deprecated
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('not copied');
}

function startCopying() {
  const button = document.querySelector('[data-copy]');
  if (button === null) return;
  button.hidden = false;
  button.addEventListener('click', () => void copyLines(button));
}

async function copyLines(button) {
  const lines = [...document.querySelectorAll('[data-line] .words')].map((line) => line.textContent);
  try {
    await copy(`${lines.join('\n')}\n`);
    announce('Copied');
    showFor(button, 'Copied');
  } catch {
    showTrouble('The browser does not let this page copy.');
  }
}

/** Other words on a button, for a moment. */
function showFor(button, words) {
  button.dataset.words ??= button.textContent;
  button.textContent = words;
  setTimeout(() => {
    button.textContent = button.dataset.words;
  }, 1_500);
}

/* Scan now */

function startScanning() {
  document.addEventListener('submit', (event) => {
    if (!event.target.matches('[data-scan]')) return;
    event.preventDefault();
    void scan(event.target.querySelector('button'));
  });
}

async function scan(button) {
  try {
    const response = await fetch('/scan', { method: 'POST' });
    if (!response.ok) throw new Error(String(response.status));
    announce('The folder is being looked through');
    showFor(button, 'Scanning…');
  } catch {
    showTrouble('The folder was not looked through: its watcher does not answer.');
  }
}

localizeTimes(document);
startLive();
const field = document.getElementById('q');
if (field !== null) startSearch(field);
startBoxes();
startCopying();
startScanning();
