import cluster from 'node:cluster';
import { isMainThread } from 'node:worker_threads';

// Node runs it before the program of an application (`--import`), also in the threads and the processes that this one starts.
if (cluster.isWorker && isMainThread) (await import('./current-worker.js')).becomeWorker();
