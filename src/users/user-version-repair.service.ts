import { Injectable, Logger } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { UsersRepository } from './users.repository.js';

/**
 * Raises the versions of users that a restore or a failover has set back. Nodes remember the greatest version that they have
 * heard, so that they would refuse every new token of such a user until their memory of it is over.
 */
@Injectable()
export class UserVersionRepairService {
  readonly #log = new Logger('Users');

  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: UsersRepository,
    private readonly revocations: RevocationsService,
  ) {
    revocations.onVersionsLost((lost) => this.raiseVersions(lost));
  }

  /** Above those given, so that tokens of a version that the restored row gets a second time are refused, too. */
  async raiseVersions(above: ReadonlyMap<string, number>): Promise<void> {
    const raised = await this.prisma.transaction(async (tx) => {
      const users = await this.repository.raiseVersions(tx, above);
      this.revocations.addUserVersions(tx, users);
      return users.length;
    });
    if (raised > 0) this.#log.warn({ event: 'user_versions_raised', users: raised });
  }
}
