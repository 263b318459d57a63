import { setFlagsFromString } from 'node:v8';
import { keepHeapSmall } from '@glyphmill/core/heap-growth';

// For good: people ask for pages, not programs, so that there is no need for space that thousands of requests would fill.
keepHeapSmall();
// Another 10 MB less at the peak, for machine code that is made smaller and garbage that is looked for earlier.
setFlagsFromString('--optimize-for-size');
setFlagsFromString('--heap-growing-percent=20');
const { runWeb } = await import('./run-web.ts');

await runWeb(process.env);
