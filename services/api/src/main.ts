import { keepHeapSmall, letHeapGrow } from '@glyphmill/core/heap-growth';

keepHeapSmall();
const { runApi } = await import('./run-api.ts');
letHeapGrow();

await runApi(process.env);
