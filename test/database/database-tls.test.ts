import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBinaries } from '../../dist/embedded-postgres/binaries.js';
import { chooseSystemUser } from '../../dist/embedded-postgres/system-user.js';
import { type WaitOptions, retryUntilDatabaseAnswers } from '../../dist/database/wait-for-database.js';
import { afterAllTests, testConfig } from '../support/app.js';
import { Prisma } from '../../src/database/prisma.service.js';
import { outcomesOfBothPaths, UNAVAILABLE } from '../support/query-paths.js';
import { waitForExit, freePort, startMain, MASTER_SECRET } from '../support/processes.js';

const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

/** Creates a private CA and its certificate for 127.0.0.1. */
function certificates(folder: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=A private CA', '-days', '2');
  openssl('req', ...fresh, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=database');
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
  openssl('x509', '-req', '-in', 'server.csr', '-signkey', 'server.key', '-days', '2', '-out', 'self-signed.pem');
  const expired = signed.map((word) => (word === '2' ? '-1' : word));
  openssl('x509', '-req', '-in', 'server.csr', ...expired, '-out', 'expired.pem');
}

describe.skipIf(!HAS_OPENSSL)(
  'a PostgreSQL with a certificate of a private CA (skipped where openssl is not installed)',
  () => {
    const onFinished = afterAllTests();
    let url: string;
    let ca: string;
    let folder: string;
    let server: ChildProcess;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'gatehouse-tls-'));
      onFinished(async () => rmSync(folder, { recursive: true }));
      chmodSync(folder, 0o711);
      certificates(folder);
      ca = join(folder, 'ca.pem');
      const cluster = join(folder, 'cluster');
      mkdirSync(cluster, { mode: 0o700 });
      const user = await chooseSystemUser({ cluster } as Parameters<typeof chooseSystemUser>[0]);
      for (const file of user ? [cluster, join(folder, 'server.key')] : [])
        chownSync(file, user?.uid ?? 0, user?.gid ?? 0);
      const { initdb, postgres } = await findBinaries();
      const options = { cwd: '/', stdio: 'pipe', ...(user && { uid: user.uid, gid: user.gid }) } as const;
      execFileSync(initdb, ['-D', cluster, '-U', 'gatehouse', '--auth=trust', '--no-sync'], options);
      const port = await freePort();
      const settings = {
        port,
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        ssl: 'on',
        ssl_cert_file: join(folder, 'server.pem'),
        ssl_key_file: join(folder, 'server.key'),
      };
      const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      server = spawn(postgres, ['-D', cluster, ...args], options);
      onFinished(async () => {
        server.kill('SIGQUIT');
        await once(server, 'exit');
      });
      url = `postgresql://gatehouse@127.0.0.1:${port}/postgres`;
      await connects('sslmode=no-verify', 30);
    });

    const connects = (parameters: string, seconds = 5): Promise<boolean> => {
      const waitOptions: WaitOptions = { seconds };
      return retryUntilDatabaseAnswers(testConfig(`${url}?${parameters}`), waitOptions, async () => true);
    };

    const outcomes = (parameters: string): Promise<unknown[]> =>
      outcomesOfBothPaths(`${url}?${parameters}`, Prisma.sql`SELECT 1 AS one`);

    it.each(['verify-full', 'verify-ca', 'require', 'prefer'])(
      'is accepted with sslmode=%s if sslrootcert names the CA',
      async (mode) => {
        expect(await connects(`sslmode=${mode}&sslrootcert=${ca}`)).toBe(true);
      },
    );

    it.each(['sslmode=no-verify', 'sslmode=disable', 'uselibpqcompat=true&sslmode=require'])(
      'is accepted with %s',
      async (mode) => {
        expect(await connects(mode)).toBe(true);
      },
    );

    it.each(['verify-full', 'require'])(
      'is refused with sslmode=%s alone, at once and with the parameters to add (FLT-26)',
      async (mode) => {
        await expect(connects(`sslmode=${mode}`)).rejects.toThrow(
          /^The TLS connection to the database of DATABASE_URL at 127\.0\.0\.1:\d+ fails: .+sslmode=verify-full&sslrootcert=FILE/,
        );
      },
    );

    it('is refused under a host name that its certificate does not have (FLT-26)', async () => {
      const named = url.replace('127.0.0.1', 'localhost');
      const trying = retryUntilDatabaseAnswers(
        testConfig(`${named}?sslmode=require&sslrootcert=${ca}`),
        { seconds: 5 },
        async () => true,
      );
      await expect(trying).rejects.toThrow(
        /^The TLS connection to the database of DATABASE_URL at localhost:\d+ fails: .*localhost/,
      );
    });

    describe('to a running service', () => {
      it('with a certificate of an unknown CA is 503 through both paths', async () => {
        expect(await outcomes('sslmode=require')).toEqual([UNAVAILABLE, UNAVAILABLE]);
      });

      it('with a certificate of another name is 503 through both paths', async () => {
        const named = `${url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert=${ca}`;
        expect(await outcomesOfBothPaths(named, Prisma.sql`SELECT 1`)).toEqual([UNAVAILABLE, UNAVAILABLE]);
      });

      it.each([
        ['has expired', 'expired.pem', 'certificate has expired'],
        ['is self-signed', 'self-signed.pem', 'self-signed certificate'],
      ])('with a certificate that %s is 503 through both paths, until it is replaced', async (_case, file, reason) => {
        const verified = `sslmode=verify-full&sslrootcert=${ca}`;
        const valid = readFileSync(join(folder, 'server.pem'));
        expect(await outcomes(verified)).toEqual([[{ one: 1 }], [{ one: 1 }]]);
        copyFileSync(join(folder, file), join(folder, 'server.pem'));
        server.kill('SIGHUP');
        await expect.poll(() => outcomes(verified)).toEqual([UNAVAILABLE, UNAVAILABLE]);
        await expect(connects(verified)).rejects.toThrow(reason);
        writeFileSync(join(folder, 'server.pem'), valid);
        server.kill('SIGHUP');
        await expect.poll(() => outcomes(verified)).toEqual([[{ one: 1 }], [{ one: 1 }]]);
      });
    });

    it('is accepted if NODE_EXTRA_CA_CERTS names the CA, without a warning about sslmode', async () => {
      const program = startMain({ DATABASE_URL: `${url}?sslmode=require`, MASTER_SECRET, NODE_EXTRA_CA_CERTS: ca });
      expect(await waitForExit(program)).toBe(1);
      // The connection succeeded: the program stops later, at the schema check.
      expect(program.output()).toContain('npm run db:migrate');
      expect(program.output()).not.toMatch(/warning/i);
    });
  },
);
