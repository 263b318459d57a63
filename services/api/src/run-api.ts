import { runService } from '@glyphmill/http/run-service';
import { apiSettings } from './api-settings.ts';
import { startApi } from './start-api.ts';

/** The life of the API's process; it ends with process.exit. */
export function runApi(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  return runService({ name: 'api', settings: apiSettings, env, start: startApi });
}
