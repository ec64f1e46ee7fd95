import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

/** More than wait for a slow reader, as long as access lines are. */
const LINES = 20_000;
const LINE_LENGTH = 290;

/** Logs a line for each forgery that the pool has verified, while 200 of them wait. */
const FLOODED = `
  const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  let logged = 0;
  const verifyNext = () =>
    verify('sha256', randomBytes(400), { key, dsaEncoding: 'ieee-p1363' }, randomBytes(64), () => {
      if (logged === ${LINES}) process.exit(0);
      log.writeSoon(String(logged++).padEnd(${LINE_LENGTH}) + '\\n');
      setImmediate(verifyNext);
    });
  for (let waiting = 0; waiting < 200; waiting++) verifyNext();`;

/** Says on stderr that it has started; after a line on stdin logs much, and says so when the event loop has turned. */
const TOLD = `
  log.write('first\\n');
  process.stderr.write('started');
  process.stdin.once('data', () => {
    for (let line = 0; line < 1000; line++) log.write('x'.repeat(1000) + '\\n');
    setTimeout(() => process.stderr.write('turned', () => process.exit(0)), 100);
  });`;

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A program with `log`, as a file. */
function programOf(text: string): string {
  const file = join(temporaryFolder(), 'program.mjs');
  const log = `import { standardOutputLog } from '${resolve('dist/logging/buffered-log-output.js')}';`;
  const crypto = `import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';`;
  writeFileSync(file, `${log}\n${crypto}\nconst log = standardOutputLog();\n${text}`);
  return file;
}

/** What the shell command prints; spawnSync reads a socket. */
const printed = (...command: [string, ...string[]]): string =>
  spawnSync(command[0], command.slice(1), { encoding: 'utf8', maxBuffer: 1e8, stdio: ['ignore', 'pipe', 'inherit'] })
    .stdout;

const OUTPUTS: [string, (program: string) => string][] = [
  ['a socket', (program) => printed(process.execPath, program)],
  ['a pipe', (program) => printed('sh', '-c', `${process.execPath} ${program} | cat`)],
  ['a file', (program) => printed('sh', '-c', `${process.execPath} ${program} > ${program}.log; cat ${program}.log`)],
  ['a terminal', (program) => printed('script', '-qec', `${process.execPath} ${program}`, '/dev/null')],
];

function unreadPipe(): number {
  const pipe = join(temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const fd = openSync(pipe, constants.O_RDWR);
  onTestFinished(() => closeSync(fd));
  return fd;
}

async function unreadSocket(): Promise<Socket> {
  const path = join(temporaryFolder(), 'socket');
  const server = createServer({ pauseOnConnect: true }).listen(path);
  const socket = connect(path);
  const [reading] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    socket.destroy();
    reading.destroy();
    server.close();
  });
  return socket;
}

function start(command: string, parameters: string[], stdout: 'pipe' | number | Socket): ChildProcess {
  const child = spawn(command, parameters, { stdio: ['pipe', stdout, 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Waits for what a process says on stderr. */
const said = async (child: ChildProcess): Promise<string> => String((await once(child.stderr!, 'data'))[0]);

describe.runIf(process.platform === 'linux')('the log of a process', () => {
  it.each(OUTPUTS)('keeps up with a flood of forgeries on %s', { timeout: 60_000 }, (_, outputOf) => {
    const lines = outputOf(programOf(FLOODED)).split('\n').slice(0, -1).map(Number);
    // In a file, lines whose write was under way may come after the last ones.
    const sorted = lines.toSorted((one, other) => one - other);
    expect(sorted.filter((line, index) => line !== index).slice(0, 3)).toEqual([]);
    expect(lines).toHaveLength(LINES);
  });

  it.each<[string, () => number | Promise<Socket>]>([
    ['pipe', unreadPipe],
    ['socket', unreadSocket],
  ])('holds up nothing where another process has made a shared %s blocking', { timeout: 30_000 }, async (_, open) => {
    const output = await open();
    const other = start(
      process.execPath,
      ['--eval', "process.stderr.write('started'); process.stdin.resume()"],
      output,
    );
    await said(other);
    const child = start(process.execPath, [programOf(TOLD)], output);
    expect(await said(child)).toBe('started');
    // Node sets the flags of its standard descriptors back when it ends.
    other.stdin?.end();
    await once(other, 'exit');
    child.stdin?.write('\n');
    expect(await said(child)).toBe('turned');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('ends on a terminal that is not read', { timeout: 30_000 }, async () => {
    const ended = join(temporaryFolder(), 'ended');
    const program = programOf(`for (let line = 0; line < 1000; line++) log.write('x'.repeat(1000) + '\\n');
      setTimeout(() => process.exit(0), 100);`);
    start('script', ['-qec', `${process.execPath} ${program}; echo $? > ${ended}`, '/dev/null'], 'pipe');
    await expect.poll(() => existsSync(ended) && readFileSync(ended, 'utf8'), { timeout: 10_000 }).toBe('0\n');
  });
});
