import { runService } from '@glyphmill/http/run-service';
import { ingestSettings } from './ingest-settings.ts';
import { startIngest } from './start-ingest.ts';

/** The life of the ingest service's process; it ends with process.exit. */
export function runIngest(env: Readonly<Record<string, string | undefined>>): Promise<void> {
  return runService({ name: 'ingest', settings: ingestSettings, env, start: startIngest });
}
