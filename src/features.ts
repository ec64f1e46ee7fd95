import type { ApplicationOptions } from './app.js';

/**
 * Your own application, in a fork: its modules, its name, `claims` and `onRegistered`. The service and the tests read it here, and
 * nowhere else. A project that has the package gives the same to `serve` instead.
 */
export const application: ApplicationOptions = { features: [] };
