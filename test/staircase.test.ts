import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** From the top. Imports go down or stay in the room; rooms of one step do not import each other. */
const STAIRCASE = [
  ['auth', 'health'],
  ['users'],
  ['access'],
  ['sessions', 'limits'],
  ['tokens'],
  ['passwords'],
  ['audit'],
  ['database'],
  ['verifier'],
  ['wire'],
  ['problems'],
  ['config'],
];
const ROOMS = STAIRCASE.flat();
const stepOf = new Map(STAIRCASE.flatMap((rooms, step) => rooms.map((room) => [room, step])));

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
}

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('generated/'))
  .map((file) => ({
    file,
    room: file.includes('/') ? file.slice(0, file.indexOf('/')) : '',
    text: readFileSync(`src/${file}`, 'utf8'),
  }));
const served = sources.filter(({ file }) => !file.endsWith('.test.ts'));
const imports: Import[] = served.flatMap(({ file, room, text }) =>
  [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target = '']) => ({ file, room, target })),
);

const roomOf = ({ target }: Import): string | undefined => /^\.\.\/([a-z]+)\//.exec(target)?.[1];
const said = ({ file, target }: Import): string => `${file} imports ${target}`;
const only = (vendor: RegExp, isDoor: (file: string) => boolean): string[] =>
  imports.filter(({ file, target }) => vendor.test(target) && !isDoor(file)).map(said);

describe('the staircase', () => {
  it('has a step for every folder of src, and reads imports at all', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).toSorted()).toEqual(ROOMS.toSorted());
    expect(imports.filter((each) => roomOf(each)).length).toBeGreaterThan(50);
  });

  it('is only walked down', () => {
    const climbs = imports.filter((each) => {
      const target = roomOf(each);
      return (
        target !== undefined && target !== each.room && !((stepOf.get(target) ?? -1) > (stepOf.get(each.room) ?? 99))
      );
    });
    expect(climbs.map(said)).toEqual([]);
  });

  it('is crossed as ../room/file.js, and rooms are flat', () => {
    const crossings = imports.filter(({ room, target }) => room !== '' && target.startsWith('..'));
    expect(crossings.filter(({ target }) => !/^\.\.\/[a-z]+\/[\w.-]+\.js$/.test(target)).map(said)).toEqual([]);
    expect(sources.filter(({ file }) => file.split('/').length > 2).map(({ file }) => file)).toEqual([]);
  });

  it("leaves another room's repository alone", () => {
    const reaches = imports.filter(({ target }) => /^\.\.\/.*\.repository\.js$/.test(target));
    expect(reaches.map(said)).toEqual([]);
  });

  it('has one door for each vendor', () => {
    expect(only(/^pg$/, (file) => file.startsWith('database/'))).toEqual([]);
    expect(
      only(/generated\/client/, (file) => file.startsWith('database/') || file.endsWith('.repository.ts')),
    ).toEqual([]);
    expect(only(/^(?:argon2|@node-rs\/argon2)$/, (file) => file.startsWith('passwords/'))).toEqual([]);
    expect(only(/^jsonwebtoken$|^@nestjs\/jwt$/, (file) => file.startsWith('tokens/'))).toEqual([]);
    const fastify = /^(?:app\.ts|wire\/|problems\/|access\/)|\.controller\.ts$/;
    expect(only(/^fastify$/, (file) => fastify.test(file))).toEqual([]);
    const readers = served.filter(
      ({ file, text }) => text.includes('process.env') && file !== 'config/read-settings.ts',
    );
    expect(readers.map(({ file }) => file)).toEqual([]);
  });

  it('has no knot, no barrel and no forbidden name', () => {
    const knots = served.filter(({ text }) => /forwardRef|ModuleRef|Scope\.REQUEST/.test(text));
    expect(knots.map(({ file }) => file)).toEqual([]);
    const names = /(?:^|\/)(?:index|common|shared|utils?|helpers?|core|lib|misc|types|interfaces|constants)(?:\.|\/)/;
    expect(sources.map(({ file }) => file).filter((file) => names.test(file))).toEqual([]);
  });
});
