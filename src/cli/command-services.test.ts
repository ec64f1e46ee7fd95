import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Prints the packages of which the program loads modules. */
const LIST_PACKAGES = `
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url) ?? [];
      if (name !== undefined) packages.add(name);
      return next(url, context);
    },
  });
  process.on('exit', () => console.log([...packages].join(' ')));`;

function packagesOf(...files: readonly string[]): string[] {
  const hook = `data:text/javascript,${encodeURIComponent(LIST_PACKAGES)}`;
  const args = [
    '--import',
    hook,
    '--input-type=module',
    '--eval',
    files.map((file) => `await import('./dist/${file}');`).join(''),
  ];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split(' ');
}

describe('every command', () => {
  it('opens the database as all others do, and so fails as they do', () => {
    const bodies = readdirSync('src/cli').filter((file) => file.endsWith('.action.ts'));
    const others = bodies.filter(
      (file) => !readFileSync(`src/cli/${file}`, 'utf8').includes("'./command-database.js'"),
    );
    expect([bodies.length > 6, others]).toEqual([true, []]);
  });
});

describe('the services of commands', () => {
  const OF_REQUESTS = ['fastify', '@nestjs/platform-fastify', 'ajv', 'typebox', 'passport'];

  it('load nothing of what answers requests, which the application does', () => {
    const bodies = readdirSync('dist/cli').filter((file) => file.endsWith('.action.js'));
    expect(bodies.length).toBeGreaterThan(6);
    const ofCommands = packagesOf('cli/command-services.js', ...bodies.map((file) => `cli/${file}`));
    expect(ofCommands).toEqual(expect.arrayContaining(['@nestjs/core', 'pg']));
    expect(ofCommands.filter((name) => OF_REQUESTS.includes(name))).toEqual([]);
    expect(packagesOf('app.js')).toEqual(expect.arrayContaining(OF_REQUESTS));
  });
});
