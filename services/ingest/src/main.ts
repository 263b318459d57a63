import { keepHeapSmall, letHeapGrow } from '@glyphmill/core/heap-growth';

keepHeapSmall();
const { runIngest } = await import('./run-ingest.ts');
letHeapGrow();

await runIngest(process.env);
