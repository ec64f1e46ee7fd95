import { existsSync } from 'node:fs';

/**
 * Imported first, and without imports but this: an older Node could not load the rest. What index.ts and testing.ts import
 * takes from `node:` modules by name only what Node 20 exports, since a missing name is an error before anything runs.
 */
const NEEDED_NODE = 26;
const { node: version } = process.versions;

/** What mends it, by what is in the folder of the project. */
function remedy(): string {
  if (existsSync('node_modules/.bin/node'))
    return 'run npm start, another npm script or npx --no-install, which find the Node.js that the packages bring (npx node FILE)';
  if (existsSync('node_modules/node'))
    return 'the install script of the package node, which brings it, has not run: run npm rebuild --ignore-scripts=false (allowScripts in package.json must not forbid it)';
  return `run npm install node@${NEEDED_NODE}, and then npm scripts or npx node FILE`;
}

if (Number(version.split('.')[0]) < NEEDED_NODE) {
  process.stderr.write(`This is Node.js ${version}, and ${NEEDED_NODE} is needed; ${remedy()}\n`);
  process.exit(1);
}
