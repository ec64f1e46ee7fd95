import { realpathSync } from 'node:fs';
import module from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Their classes and decorators are compared by identity. */
const PACKAGES = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify'];

/**
 * @param program the file whose modules are served
 * @throws {Error} if that file has another copy of Nest than Gatehouse: exceptions of one are none to the other
 */
export function requireOneNest(program: string | undefined = process.argv[1]): void {
  if (program === undefined) return;
  for (const name of PACKAGES) {
    const ours = folderOf(name, import.meta.url);
    const theirs = folderOf(name, pathToFileURL(program).href);
    if (ours === undefined || theirs === undefined || ours === theirs) continue;
    throw new Error(
      `There are two copies of ${name}: your modules have that in ${theirs}, Gatehouse has that in ${ours}, and neither knows the exceptions of the other. ` +
        'Run npm dedupe, or install a version that both accept (npm explain says who needs which).',
    );
  }
}

function folderOf(name: string, importer: string): string | undefined {
  try {
    const manifest = module.findPackageJSON(name, importer);
    return manifest === undefined ? undefined : realpathSync(dirname(manifest));
  } catch {
    return undefined;
  }
}
