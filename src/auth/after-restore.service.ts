import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CONFIG, type Config } from '../config/config.js';
import { operatorCommand } from '../config/operator-commands.js';
import { OneTimeTokensService } from '../one-time-tokens/one-time-tokens.service.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { KeyRotationService } from '../tokens/key-rotation.service.js';

/** What {@link AfterRestoreService.endAllAccess} ended. */
export interface EndedAccess {
  readonly endedSessions: number;
  readonly revokedKeys: number;
}

/** Makes all tokens invalid that were issued before a database was restored from a dump. */
@Injectable()
export class AfterRestoreService {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly sessions: SessionsService,
    private readonly rotation: KeyRotationService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
    private readonly oneTimeTokens: OneTimeTokensService,
  ) {}

  /**
   * Ends the links of mail and every session, then replaces and revokes every signing key: no earlier token is accepted, also none that was
   * revoked after the dump. The keys come last, so that access tokens issued during the run are revoked too. An
   * interrupted run can be repeated.
   * @param isSecretChanged whether the operator has given `JWT_SECRET` a new value, which the service cannot know
   * @throws Error with `JWT_SECRET`, if it has not been changed or has a second value.
   */
  async endAllAccess(isSecretChanged: boolean): Promise<EndedAccess> {
    this.#requireNewSecret(isSecretChanged);
    await this.oneTimeTokens.endTokensOfAllUsers();
    const endedSessions = await this.sessions.endSessionsOfAllUsers();
    let revokedKeys = 0;
    await this.rotation.replaceAllKeys(async (tx, removedKids) => {
      revokedKeys = removedKids.length;
      await this.audit.recordEvent(tx, {
        event: 'database_restored',
        by: 'operator',
        details: { endedSessions, revokedKeys },
      });
      this.revocations.addRevocations(tx, 'kid', removedKids);
    });
    return { endedSessions, revokedKeys };
  }

  #requireNewSecret(isSecretChanged: boolean): void {
    const secrets = this.config.jwtSecret?.length ?? 0;
    if (secrets === 0 || (secrets === 1 && isSecretChanged)) return;
    throw new Error(
      secrets > 1
        ? 'The second value of JWT_SECRET still verifies access tokens from before: set JWT_SECRET to one new value first.'
        : `JWT_SECRET signs access tokens, and tokens from before stay valid under it: set it to a new value first, then run \`${operatorCommand('after-restore', '--jwt-secret-changed')}\`.`,
    );
  }
}
