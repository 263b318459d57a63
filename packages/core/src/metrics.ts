import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { version } from './version.ts';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A registry of its own for each service, with Node's default metrics and the build. */
export function createRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const build = new Gauge({
    name: 'glyphmill_build_info',
    help: 'Always 1; its labels say what runs',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  build.set({ version, node: process.versions.node }, 1);
  return registry;
}
