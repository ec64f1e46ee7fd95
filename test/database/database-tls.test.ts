import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { findBinaries } from '../../dist/embedded-postgres/binaries.js';
import { chooseSystemUser } from '../../dist/embedded-postgres/system-user.js';
import { type WaitOptions, retryUntilDatabaseAnswers } from '../../dist/database/wait-for-database.js';
import { afterAllTests, testConfig } from '../support/app.js';
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
}

describe.skipIf(!HAS_OPENSSL)(
  'a PostgreSQL with a certificate of a private CA (skipped where openssl is not installed)',
  () => {
    const onFinished = afterAllTests();
    let url: string;
    let ca: string;

    beforeAll(async () => {
      const folder = mkdtempSync(join(tmpdir(), 'gatehouse-tls-'));
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
      const server = spawn(postgres, ['-D', cluster, ...args], options);
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

    it('is accepted if NODE_EXTRA_CA_CERTS names the CA, without a warning about sslmode', async () => {
      const program = startMain({ DATABASE_URL: `${url}?sslmode=require`, MASTER_SECRET, NODE_EXTRA_CA_CERTS: ca });
      expect(await waitForExit(program)).toBe(1);
      // The connection succeeded: the program stops later, at the schema check.
      expect(program.output()).toContain('npm run db:migrate');
      expect(program.output()).not.toMatch(/warning/i);
    });
  },
);
