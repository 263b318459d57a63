// What an engine process runs before its entry: it takes the modules from the pool, without their types, so that Node does
// not load what strips them (13 MB). A module that the pool did not hand over is read from its file. JavaScript, or this
// file would have to be stripped.
import { once } from 'node:events';
import nodeModule from 'node:module';

// Node keeps the messages that come until the entry listens.
const [sources] = await once(process, 'message');

nodeModule.registerHooks?.({
  load(url, context, nextLoad) {
    const source = sources.get(url);
    return source === undefined ? nextLoad(url, context) : { format: 'module', source, shortCircuit: true };
  },
});
