// The folder watcher, which no port tells from the worker.
await import('./service.mjs');
