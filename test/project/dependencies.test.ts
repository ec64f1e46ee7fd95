import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ourSources } from './layers.js';

interface LockedPackage {
  readonly name?: string;
  readonly version: string;
  readonly integrity?: string;
  readonly dev?: true;
}

interface Bill {
  readonly bomFormat: string;
  readonly components: readonly {
    readonly name: string;
    readonly group?: string;
    readonly version: string;
    readonly hashes?: readonly { readonly content: string }[];
    readonly properties: readonly { readonly name: string; readonly value: string }[];
  }[];
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, LockedPackage>;
};

/** Name, version and hash of what the lock file says. */
function lockedForProduction(): string[] {
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { name = path.replace(/^.*node_modules\//, ''), version, integrity = '' }]) => {
      const hash = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
      return `${name} ${version} ${hash}`;
    });
}

it('the bill of materials has every production dependency of the lock file, offline (CFG-03)', async () => {
  const [, printed = ''] = /^npm (sbom .+) > sbom\.json$/m.exec(readFileSync('docs/security.md', 'utf8')) ?? [];
  const command = [...printed.split(' '), '--offline'];
  const { stdout } = await promisify(execFile)('npm', command, { maxBuffer: 64 * 1024 * 1024 });
  const { bomFormat, components } = JSON.parse(stdout) as Bill;
  expect(bomFormat).toBe('CycloneDX');
  const served = components
    .filter(({ properties }) => !properties.some(({ name }) => name === 'cdx:npm:package:development'))
    .map(({ group, name, version, hashes = [] }) => {
      const fullName = group === undefined ? name : `${group}/${name}`;
      return `${fullName} ${version} ${hashes[0]?.content ?? ''}`;
    });
  const locked = lockedForProduction();
  expect(locked.length).toBeGreaterThan(100);
  expect(locked.filter((each) => !served.includes(each))).toEqual([]);
  expect(served.filter((each) => !locked.includes(each))).toEqual([]);
});

it('an installation for production has what the build needs: the compiler, the generator, and the types of all that is imported', () => {
  const imported = ourSources()
    .flatMap((file) => importedBy(readFileSync(`src/${file}`, 'utf8')))
    // By `src/features.ts` of a fork: it is this package.
    .filter((name) => name !== 'gatehouse-auth');
  const types = imported
    .map((name) => `@types/${name.replace(/^@(.+)\//, '$1__')}`)
    .filter((name) => `node_modules/${name}` in packages);
  const needed = [...new Set([...imported, ...types, '@types/node', 'typescript', 'prisma'])];
  expect(types).toEqual(expect.arrayContaining(['@types/passport', '@types/passport-jwt', '@types/pg']));
  expect(needed.filter((name) => packages[`node_modules/${name}`]?.dev !== undefined)).toEqual([]);
  expect(needed.filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
});

/** The packages of a source, without Node's own. */
function importedBy(source: string): string[] {
  const names = [...source.matchAll(/(?:from|import\() ?'((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^']*)?'/g)].map(
    ([, name = '']) => name,
  );
  return names.filter((name) => !name.startsWith('.'));
}
