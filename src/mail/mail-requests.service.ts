import { Injectable } from '@nestjs/common';
import crypto from 'node:crypto';
import { translateDatabaseError } from '../database/database-errors.js';
import { type Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { MailService, type MailCause } from './mail.service.js';
import { MailRequestsRepository, type MailRequest } from './mail-requests.repository.js';

export type { MailRequest };

const INTERVAL_SECONDS = 1;

type Resolver = (tx: Transaction, request: MailRequest) => Promise<void>;

/**
 * Requests for mail to an address of which the answer must not say whether it is known (ENU-03): a request is one row, written by the same
 * statement for every address, and resolved by a job of any process.
 */
@Injectable()
export class MailRequestsService {
  /** Whether there is any mail. */
  readonly areOn: boolean;
  #resolver: Resolver | undefined;

  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: MailRequestsRepository,
    private readonly mail: MailService,
    jobs: BackgroundJobs,
  ) {
    this.areOn = mail.isOn;
    if (mail.isOn) jobs.addRecurringJob(INTERVAL_SECONDS, 'resolve mail requests', () => this.resolveRequests());
  }

  /** Says what is to be done with requests; in the transaction that deletes them. */
  onRequest(resolver: Resolver): void {
    this.#resolver = resolver;
  }

  async addRequest(request: Pick<MailRequest, 'purpose' | 'email'>, cause: MailCause): Promise<void> {
    await this.prisma.$executeRaw(this.requestInsertSql(request, cause));
  }

  /** An INSERT as a part of one statement. */
  requestInsertSql(
    { purpose, email, tokenId = null }: Pick<MailRequest, 'purpose' | 'email'> & { readonly tokenId?: string | null },
    cause: MailCause,
  ): Prisma.Sql {
    const language = this.mail.languageOf(cause);
    return this.repository.insertSql({ id: crypto.randomUUIDv7(), purpose, email, language, tokenId });
  }

  /**
   * One after the other, each in a transaction of its own. One that fails, for instance since somebody holds the row of its user locked, does not
   * hold up those after it.
   * @throws the first error, at the end
   */
  async resolveRequests(): Promise<void> {
    const resolver = this.#resolver;
    if (resolver === undefined) throw new TypeError('nobody resolves requests for mail');
    const errors: unknown[] = [];
    let failed: string | undefined;
    for (let isDone = false; !isDone;) {
      let request: MailRequest | undefined;
      try {
        await this.prisma.transaction(async (tx) => {
          request = await this.repository.takeRequest(tx, failed);
          if (request !== undefined) await resolver(tx, request);
        });
        isDone = request === undefined;
      } catch (error) {
        errors.push(error);
        isDone = request === undefined;
        failed = await this.#giveUp(request, error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** A request that can never be resolved is deleted. @returns the id after which to go on */
  async #giveUp(request: MailRequest | undefined, error: unknown): Promise<string | undefined> {
    if (request === undefined) return undefined;
    const isPassing = translateDatabaseError(error) !== undefined;
    if (!isPassing) await this.repository.deleteRequest(this.prisma, request.id);
    return request.id;
  }
}
