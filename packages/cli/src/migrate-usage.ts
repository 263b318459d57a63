export const migrateUsage = `Usage: glyphmill migrate

Brings the database's schema up to date: the one at DATABASE_URL, else ocr_data.db in DATA_DIR. What it does is written
as JSON lines. It waits while the database cannot be reached. Services started with MIGRATE=never leave this to it.

Exit code: 0 the schema fits, 1 a newer version of Glyphmill has changed it, 2 a wrong setting.
`;
