/** Imported first and without imports of its own: an older Node could not load the rest. */
const NEEDED_NODE = 26;
const { node: version } = process.versions;

if (Number(version.split('.')[0]) < NEEDED_NODE) {
  process.stderr.write(
    `This is Node.js ${version}, and ${NEEDED_NODE} is needed; run npm start, another npm script or npx --no-install, which find the Node.js that the packages bring\n`,
  );
  process.exit(1);
}
