import { becomeWorker } from './current-worker.js';

await becomeWorker().serve(async () => (await import('./serve.js')).loadFeatures());
