import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { operatorCommand } from '../config/operator-commands.js';
import { RevocationsService } from '../revocation/revocations.service.js';
import { KeyRotationService, type KeyRecord } from '../tokens/key-rotation.service.js';

/** What an operator does to the signing keys. */
@Injectable()
export class KeyAdministrationService {
  constructor(
    private readonly rotation: KeyRotationService,
    private readonly revocations: RevocationsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Every key, also those that were removed, oldest first.
   * @throws Error with `JWT_SECRET`, whose keys are not managed.
   */
  async listSigningKeys(): Promise<KeyRecord[]> {
    this.#requireManaged();
    return this.rotation.listKeys();
  }

  /**
   * Makes the next key the active one.
   * @throws Error when no key is active, or when the next one has not been published for `KEY_PUBLISH_SECONDS` yet: other
   *   services may not know it.
   */
  async rotateSigningKey(): Promise<void> {
    this.#requireManaged();
    const keys = await this.rotation.listKeys();
    if (!keys.some(({ state }) => state === 'active')) {
      throw new Error(
        `There is no active signing key to replace: start the service once (\`${operatorCommand('start')}\`), which creates it.`,
      );
    }
    if (await this.rotation.rotateKey()) return;
    throw new Error('The next key has not been published for KEY_PUBLISH_SECONDS yet: wait, or revoke the active one.');
  }

  /**
   * Removes the key and revokes all its tokens, on every node within a second.
   * @throws Error when there is no such key.
   */
  async revokeSigningKey(kid: string): Promise<void> {
    this.#requireManaged();
    const isRemoved = await this.rotation.removeKey(kid, async (tx, removedKid) => {
      await this.audit.recordEvent(tx, { event: 'key_revoked', by: 'operator', details: { kid: removedKid } });
      this.revocations.addRevocations(tx, 'kid', [removedKid]);
    });
    if (!isRemoved) throw new Error(`There is no key ${kid}, or it is gone already.`);
  }

  #requireManaged(): void {
    if (!this.rotation.isManaged) throw new Error('With JWT_SECRET there are no managed keys: change that setting.');
  }
}
