import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LAYERS, MODULES } from './layers.js';

const layerOf = new Map(LAYERS.flatMap((modules, layer) => modules.map((module) => [module, layer])));
/** Below the command line and above all other layers. */
const FEATURE = 0.5;
const isFeature = (module: string): boolean => module !== '' && !layerOf.has(module);
const heightOf = (module: string): number => layerOf.get(module) ?? FEATURE;

interface Import {
  readonly file: string;
  /** Empty for a file directly in `src`. */
  readonly module: string;
  readonly target: string;
}

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('generated/'))
  .map((file) => ({
    file,
    module: file.includes('/') ? file.slice(0, file.indexOf('/')) : '',
    text: readFileSync(`src/${file}`, 'utf8'),
  }));
/** Files of Gatehouse. Features may be written in another way: only the direction of imports is checked for them. */
const ours = sources.filter(({ module }) => !isFeature(module));
const served = sources.filter(({ file }) => !file.endsWith('.test.ts'));
const ourServed = ours.filter((source) => served.includes(source));
const imports: Import[] = served.flatMap(({ file, module, text }) =>
  [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target = '']) => ({ file, module, target })),
);

const targetOf = ({ target }: Import): string | undefined => /^\.\.\/([a-z-]+)\//.exec(target)?.[1];
const describeImport = ({ file, target }: Import): string => `${file} imports ${target}`;
const only = (vendor: RegExp, isDoor: (file: string) => boolean): string[] =>
  imports
    .filter(({ file, module, target }) => !isFeature(module) && vendor.test(target) && !isDoor(file))
    .map(describeImport);

const targetsOf = new Map(
  ourServed.map(({ file }) => {
    const targets = imports.filter((each) => each.file === file && each.target.startsWith('.'));
    return [file, targets.map(({ target }) => posix.join(posix.dirname(file), target).replace(/\.js$/, '.ts'))];
  }),
);

/** The first circle of imports that is met, as a path; those of types alone count, too. */
function findCircle(): string[] {
  const withoutCircle = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (withoutCircle.has(file)) return [];
    const circles = (targetsOf.get(file) ?? []).map((target) => visit(target, [...path, file]));
    withoutCircle.add(file);
    return circles.find(({ length }) => length > 0) ?? [];
  };
  return [...targetsOf.keys()].map((file) => visit(file, [])).find(({ length }) => length > 0) ?? [];
}

describe('the layers', () => {
  it('exist as folders of src, and the test finds their imports', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name)).toEqual(expect.arrayContaining(MODULES));
    expect(imports.filter((each) => targetOf(each)).length).toBeGreaterThan(50);
  });

  it('are imported downwards only', () => {
    const upward = imports.filter((each) => {
      const target = targetOf(each);
      return (
        target !== undefined &&
        each.module !== '' &&
        target !== each.module &&
        heightOf(target) <= heightOf(each.module) &&
        !(isFeature(target) && isFeature(each.module))
      );
    });
    expect(upward.map(describeImport)).toEqual([]);
  });

  it('are imported as ../module/file.js from flat modules, and only the command line builds the application', () => {
    const crossings = imports.filter(({ module, target }) => layerOf.has(module) && target.startsWith('..'));
    const wrong = crossings.filter(
      ({ module, target }) =>
        !/^\.\.\/[a-z-]+\/[\w.-]+\.js$/.test(target) &&
        !(module === 'cli' && ['../app.js', '../features.js'].includes(target)),
    );
    expect(wrong.map(describeImport)).toEqual([]);
    expect(ours.filter(({ file }) => file.split('/').length > 2).map(({ file }) => file)).toEqual([]);
  });

  it('have no files that import each other, directly or by way of others', () => {
    expect([...targetsOf.values()].flat().filter((target) => targetsOf.has(target)).length).toBeGreaterThan(500);
    expect(findCircle()).toEqual([]);
  });

  it('do not import the repository of another module', () => {
    const reaches = imports.filter(({ target }) => /^\.\.\/.*\.repository\.js$/.test(target));
    expect(reaches.map(describeImport)).toEqual([]);
  });

  it('import each vendor package in one place', () => {
    expect(only(/^commander$/, (file) => file.startsWith('cli/'))).toEqual([]);
    expect(only(/^pg$/, (file) => /^(?:database|embedded-postgres)\//.test(file))).toEqual([]);
    expect(
      only(/generated\/client/, (file) => file.startsWith('database/') || file.endsWith('.repository.ts')),
    ).toEqual([]);
    expect(only(/^(?:argon2|@node-rs\/argon2)$/, (file) => file.startsWith('passwords/'))).toEqual([]);
    expect(only(/^(?:nodemailer|postal-mime)$/, (file) => file.startsWith('mail/'))).toEqual([]);
    expect(only(/^jsonwebtoken$|^@nestjs\/jwt$/, (file) => file.startsWith('tokens/'))).toEqual([]);
    const fastify = /^(?:app\.ts|http\/|logging\/|openapi\/|problems\/|access\/)|\.controller\.ts$/;
    expect(only(/^fastify$/, (file) => fastify.test(file))).toEqual([]);
    const mayUse = /^config\/(?:read-settings|operator-commands|prisma-cli-environment)\.ts$/;
    const readers = ourServed.filter(({ file, text }) => text.includes('process.env') && !mayUse.test(file));
    expect(readers.map(({ file }) => file)).toEqual([]);
  });

  it('contain no forwardRef, no barrel and no forbidden name', () => {
    const knots = ourServed.filter(({ text }) => /forwardRef|ModuleRef|Scope\.REQUEST/.test(text));
    expect(knots.map(({ file }) => file)).toEqual([]);
    const names = /(?:^|\/)(?:index|common|shared|utils?|helpers?|core|lib|misc|types|interfaces|constants)(?:\.|\/)/;
    // `src/index.ts` is the package's public entry.
    expect(ours.map(({ file }) => file).filter((file) => names.test(file))).toEqual(['index.ts']);
  });
});
