import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configurationPage } from './configuration-page.ts';

/** Writes the pages of docs/ that follow from the code. */
const page = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
writeFileSync(page, configurationPage());
execFileSync(fileURLToPath(new URL('../node_modules/.bin/oxfmt', import.meta.url)), [page], { stdio: 'inherit' });
