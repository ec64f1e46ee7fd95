import { forgetSecrets } from './secret-detection.js';

// Runs before each file of tests: those that share a process would fill the list of secrets for the files after them.
forgetSecrets();
