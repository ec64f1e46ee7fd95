import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditService } from '../audit/audit.service.js';
import type { Config } from '../config/config.js';
import { parseSettings } from '../config/read-settings.js';
import type { PrismaService } from '../database/prisma.service.js';
import type { BackgroundJobs } from '../jobs/background-jobs.js';
import type { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { MailDeliveryService, retryDelaySeconds } from './mail-delivery.service.js';
import type { ClaimedMail, MailsRepository } from './mails.repository.js';
import { MAX_CONNECTIONS } from './smtp-transport.js';

describe('the delay before the next attempt', () => {
  it('is five seconds, doubled with each attempt up to a quarter of an hour, with a jitter of a fifth (FLT-20)', () => {
    const expected = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900];
    for (const [index, seconds] of expected.entries()) {
      const delays = Array.from({ length: 1000 }, () => retryDelaySeconds(index + 1) / seconds);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(0.8);
      expect(Math.max(...delays)).toBeLessThanOrEqual(1.2);
      // So that the mails of an outage do not come back at the same moment.
      expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(0.3);
    }
    expect(retryDelaySeconds(1000)).toBeLessThanOrEqual(1.2 * 900);
  });

  it('adds up to about a day in the attempts of the default of MAIL_MAX_ATTEMPTS', () => {
    const { mailMaxAttempts } = parseSettings({});
    let seconds = 0;
    for (let attempt = 1; attempt < mailMaxAttempts; attempt++) seconds += retryDelaySeconds(attempt);
    expect(seconds / 3600).toBeGreaterThan(20);
    expect(seconds / 3600).toBeLessThan(26);
  });
});

/** A mail server that does this with each connection. */
async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const acceptAll = (socket: Socket): void => {
  let isMail = false;
  socket.write('220 hello\r\n');
  socket.on('data', (chunk) => {
    const text = chunk.toString();
    if (isMail && !text.endsWith('\r\n.\r\n')) return;
    isMail = text.startsWith('DATA');
    socket.write(isMail ? '354 go on\r\n' : '250 ok\r\n');
  });
};

const mailOf = (id: string): ClaimedMail => ({
  id,
  template: 'test',
  recipient: 'grace@example.com',
  language: 'en',
  userId: null,
  details: {},
  createdAt: new Date(),
  attempts: 1,
  token: null,
  isRefused: false,
});

type Claim = MailsRepository['claimDueMail'];

/** A service whose mails come from `claim`; `marked` has the ids of those that were finished or given back. */
function serviceOf(port: number, claim: Claim) {
  const marked: string[] = [];
  const repository: Pick<MailsRepository, 'claimDueMail' | 'finishMail' | 'retryMail'> = {
    claimDueMail: claim,
    finishMail: async (_tx, id) => marked.push(id) > 0,
    retryMail: async (id) => void marked.push(id),
  };
  const prisma = { transaction: (work: (tx: object) => unknown) => work({}) };
  const jobs: Pick<BackgroundJobs, 'addRecurringJob'> = { addRecurringJob: () => undefined };
  const service = new MailDeliveryService(
    parseSettings({
      SMTP_URL: `smtp://127.0.0.1:${port}`,
      MAIL_FROM: 'accounts@example.com',
      ISSUER: 'https://a.example',
    }) as Config,
    prisma as unknown as PrismaService,
    repository as MailsRepository,
    {} as OneTimeTokensService,
    {} as AuditService,
    jobs as BackgroundJobs,
  );
  return { service, marked };
}

describe('a process', () => {
  it('takes no more mails at once than it has connections, however many of its deliveries end at a time', async () => {
    const port = await serve(() => undefined);
    let claims = 0;
    const { service } = serviceOf(port, async () => mailOf(`mail ${++claims}`));
    // The server ends its connections after it.
    onTestFinished(() => void service.onModuleDestroy());
    await Promise.all(Array.from({ length: 5 }, () => service.startDeliveries()));
    expect(claims).toBe(MAX_CONNECTIONS);
  });

  it('delivers all that is due before it says that it is done', async () => {
    const port = await serve(acceptAll);
    const ids = Array.from({ length: 30 }, (_, index) => `mail ${index}`);
    const due = [...ids];
    const { service, marked } = serviceOf(port, async () => {
      const id = due.shift();
      // A database does not answer in the same turn of the event loop.
      await turn();
      return id === undefined ? undefined : mailOf(id);
    });
    onTestFinished(() => service.onModuleDestroy());
    await service.deliverDueMail();
    expect(marked.toSorted()).toEqual(ids.toSorted());
  });

  it('that ends has sent or given back what it was just taking, and takes nothing more', async () => {
    const connected: unknown[] = [];
    const port = await serve((socket) => {
      connected.push(socket);
      acceptAll(socket);
    });
    const taking = Promise.withResolvers<ClaimedMail>();
    let claims = 0;
    const { service, marked } = serviceOf(port, () =>
      ++claims === 1 ? taking.promise : Promise.resolve(mailOf('late')),
    );
    const started = service.startDeliveries();
    const ended = service.onModuleDestroy();
    taking.resolve(mailOf('first'));
    await ended;
    expect(marked).toEqual(['first']);
    await started;
    await service.startDeliveries();
    expect(claims).toBe(1);
  });
});
