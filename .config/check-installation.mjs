import { existsSync } from 'node:fs';

/** Imported first: an older Node could not load the rest. npm scripts run on the Node of the packages, if it is installed. */
const NEEDED_NODE = 26;
const { node: version } = process.versions;

if (Number(version.split('.')[0]) < NEEDED_NODE) {
  const reason = existsSync('node_modules/.bin/node')
    ? 'use npm run, which finds the Node.js that the packages bring'
    : 'the install scripts of the packages, which bring it, have not run: run npm rebuild --ignore-scripts=false';
  process.stderr.write(`This is Node.js ${version}, and ${NEEDED_NODE} is needed; ${reason}\n`);
  process.exit(1);
}
