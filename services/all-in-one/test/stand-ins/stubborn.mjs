// A service that does not stop when it is asked to.
await import('./service.mjs');
