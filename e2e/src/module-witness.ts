// Loaded into a service before its own modules: writes down which packages of OpenTelemetry it loads, one file a process.
// Its API, which does nothing alone, is not counted: prom-client loads it.
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';

const folder = process.env['MODULE_WITNESS_FOLDER'];

registerHooks({
  load(url, context, next) {
    const name = /@opentelemetry\/(?!api\/)[\w-]+/.exec(url.replace(/.*node_modules/, ''))?.[0];
    if (name !== undefined && folder !== undefined) appendFileSync(join(folder, String(process.pid)), `${name}\n`);
    return next(url, context);
  },
});
