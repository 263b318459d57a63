import { runService } from '@glyphmill/http/run-service';
import { startWeb } from './start-web.ts';
import { webSettings } from './web-settings.ts';

/** The life of the page's process; it ends with process.exit. */
export function runWeb(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  return runService({ name: 'web', settings: webSettings, env, start: startWeb });
}
