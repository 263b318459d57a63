import type { Logger } from '@glyphmill/core/logging';

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps what is logged instead of writing it. */
export function createLogRecorder(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: Record<string, unknown> | string, message?: string) => {
    lines.push(
      typeof fields === 'string' ? { level, fields: {}, message: fields } : { level, fields, message: message ?? '' },
    );
  };
  const levels = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger: levels as unknown as Logger, lines };
}
