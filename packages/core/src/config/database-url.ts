import path from 'node:path';

/** DATABASE_URL, or else the file in the data folder that it defaults to. */
export function databaseUrlOf(settings: {
  readonly DATABASE_URL?: string | undefined;
  readonly DATA_DIR: string;
}): string {
  return settings.DATABASE_URL ?? `file:${path.resolve(settings.DATA_DIR, 'ocr_data.db')}`;
}
