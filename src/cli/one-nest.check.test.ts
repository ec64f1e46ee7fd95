import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { requireOneNest } from './one-nest.check.js';

it('a program with a second copy of Nest is refused in a sentence that names both, and one with ours is not', () => {
  const project = mkdtempSync(join(tmpdir(), 'gatehouse-nest-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  const program = join(project, 'main.js');
  expect(() => requireOneNest(program)).not.toThrow();
  expect(() => requireOneNest(resolve('src/main.ts'))).not.toThrow();
  const copy = join(project, 'node_modules/@nestjs/core');
  mkdirSync(copy, { recursive: true });
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ name: '@nestjs/core', version: '12.0.0' }));
  expect(() => requireOneNest(program)).toThrow(
    `There are two copies of @nestjs/core: your modules have that in ${copy}, Gatehouse has that in ${resolve('node_modules/@nestjs/core')}`,
  );
});
