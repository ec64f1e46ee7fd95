import { Inject, Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import { CONFIG, type Config } from '../config/config.js';
import { MAX_ACCESS_TOKEN_TTL_SECONDS } from '../config/settings.js';
import { KEYS_LOCK, lockUntilTransactionEnds } from '../database/advisory-lock.js';
import { withStartupLock } from '../database/startup-lock.js';
import { ChangeFeed } from '../database/change-feed.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { isEncryptedUnderFirst, decryptPrivateKey, encryptPrivateKey } from '../secrets/private-key-encryption.js';
import { generateSigningKey, publicJwk, type SigningAlg } from './signing-key.js';
import { SigningKeysRepository, type KeyRecord, type NewKey, type RotationTimes } from './signing-keys.repository.js';

export type { KeyRecord };

/**
 * How long a key verifies after it stopped signing: the longest life of an access token, plus clock
 * tolerance and clock differences.
 */
const RETIREMENT_SECONDS = MAX_ACCESS_TOKEN_TTL_SECONDS + 300;

/**
 * A key of another algorithm is retired when it is this number of terms old: no node is
 * configured for its algorithm any more.
 */
const ABANDONED_TERMS = 3;

/**
 * Moves the managed keys from `next` to `active` to `retiring` to `gone`, on the database's
 * clock and on one node at a time.
 */
@Injectable()
export class KeyRotationService {
  readonly #times: RotationTimes;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly prisma: PrismaService,
    private readonly feed: ChangeFeed,
    private readonly repository: SigningKeysRepository,
    private readonly audit: AuditService,
  ) {
    const rotation = config.keyRotationDays * 86_400;
    this.#times = {
      publish: config.keyPublishSeconds,
      rotation,
      retirement: RETIREMENT_SECONDS,
      abandonment: ABANDONED_TERMS * rotation,
    };
  }

  /** False with `JWT_SECRET`, which the operator changes. */
  get isManaged(): boolean {
    return this.config.jwtSecret === undefined;
  }

  /** Makes sure that there is an active and a next key. Runs before the node serves. */
  async prepareKeys(): Promise<void> {
    if (!(await this.repository.hasActiveKey())) await this.#createFirstKey();
    await this.maintainKeys();
    await this.feed.readChanges();
  }

  /** {@link prepareKeys} after keys were lost or revoked keys came back with a restore; removes the latter first. */
  async repairKeys(reappearedKids: readonly string[]): Promise<void> {
    if (reappearedKids.length > 0) await this.#createFirstKey(reappearedKids);
    await this.prepareKeys();
  }

  /**
   * Does what is due: encrypts keys under the first master secret, rotates, publishes a next key, removes expired keys.
   */
  async maintainKeys(): Promise<void> {
    await this.#reencryptKeys();
    const { signingAlg } = this.config;
    const { isNextMissing, isRotationDue, isRemovalDue } = await this.repository.findDueChanges(
      signingAlg,
      this.#times,
    );
    if (!isNextMissing && !isRotationDue && !isRemovalDue) return;
    const nextKey = await this.#generateKey(signingAlg);
    await this.#changeKeys(async (tx) => {
      await this.#rotateInTransaction(tx, this.#times, 'system');
      await this.repository.insertNextKeyIfNone(tx, nextKey);
      await this.repository.removeExpiredKeys(tx, signingAlg, this.#times);
    });
  }

  /**
   * Rotates before the term is over.
   * @returns false when the next key has not been published for `KEY_PUBLISH_SECONDS` yet
   */
  async rotateKey(): Promise<boolean> {
    const { signingAlg } = this.config;
    const nextKey = await this.#generateKey(signingAlg);
    return this.#changeKeys(async (tx) => {
      const isRotated = await this.#rotateInTransaction(tx, { ...this.#times, rotation: 0 }, 'operator');
      await this.repository.insertNextKeyIfNone(tx, nextKey);
      return isRotated;
    });
  }

  /**
   * Removes a key at once; if it was active, the next key signs.
   * @param record writes the revocation of the key, in the same transaction, so that every node distrusts it
   * @returns false when there is no such key or it is gone already
   */
  async removeKey(kid: string, record: (tx: Transaction, removedKid: string) => Promise<void>): Promise<boolean> {
    const key = (await this.listKeys()).find((candidate) => candidate.kid === kid);
    if (key === undefined || key.state === 'gone') return false;
    const alg = key.alg as SigningAlg;
    // A retiring key leaves no gap. For an active or next one, the next key or a new one takes its place,
    // and another becomes the next.
    const newKeys = key.state === 'retiring' ? [] : [await this.#generateKey(alg), await this.#generateKey(alg)];
    return this.#changeKeys(async (tx) => {
      const removedKid = await this.repository.markKeyGone(tx, kid);
      if (removedKid === undefined) return false;
      for (const newKey of newKeys) {
        await this.repository.insertNextKeyIfNone(tx, newKey);
        await this.repository.activateNextKey(tx, alg);
      }
      await record(tx, removedKid);
      return true;
    });
  }

  /**
   * Removes every key at once and creates an active and a next one; with `JWT_SECRET` it creates none.
   * @param record writes the revocations of the keys, in the same transaction, so that every node distrusts them
   */
  async replaceAllKeys(record: (tx: Transaction, removedKids: readonly string[]) => Promise<void>): Promise<void> {
    const { signingAlg } = this.config;
    const newKeys = this.isManaged ? [await this.#generateKey(signingAlg), await this.#generateKey(signingAlg)] : [];
    await this.#changeKeys(async (tx) => {
      const removedKids = await this.repository.markAllKeysGone(tx);
      for (const newKey of newKeys) {
        await this.repository.insertNextKeyIfNone(tx, newKey);
        await this.repository.activateNextKey(tx, signingAlg);
      }
      await record(tx, removedKids);
    });
  }

  /** Every key there ever was, oldest first. */
  listKeys(): Promise<KeyRecord[]> {
    return this.repository.listKeyRecords();
  }

  async #rotateInTransaction(tx: Transaction, times: RotationTimes, by: 'operator' | 'system'): Promise<boolean> {
    const kid = await this.repository.rotateActiveKey(tx, this.config.signingAlg, times);
    if (kid !== undefined) await this.audit.recordEvent(tx, { event: 'key_rotated', by, details: { kid } });
    return kid !== undefined;
  }

  /** Under the start lock, so that of several nodes one creates the key and the others read it. */
  async #createFirstKey(revoked: readonly string[] = []): Promise<void> {
    const key = await this.#generateKey(this.config.signingAlg);
    await withStartupLock(this.config, () =>
      this.#changeKeys(async (tx) => {
        for (const kid of revoked) {
          const removedKid = await this.repository.markKeyGone(tx, kid);
          if (removedKid === undefined) continue;
          await this.audit.recordEvent(tx, { event: 'key_revoked', by: 'system', details: { kid: removedKid } });
        }
        await this.repository.insertActiveKeyIfNone(tx, key);
      }),
    );
  }

  /** Encrypts every key under the first of two master secrets, so that the second can be dropped. */
  async #reencryptKeys(): Promise<void> {
    const { masterSecret } = this.config;
    if (masterSecret.length < 2) return;
    for (const { kid, privateKey } of await this.repository.listEncryptedKeys()) {
      if (privateKey === null || isEncryptedUnderFirst(masterSecret, privateKey)) continue;
      const pkcs8 = decryptPrivateKey(masterSecret, kid, privateKey);
      await this.repository.replaceEncryptedKey(
        kid,
        privateKey,
        new Uint8Array(encryptPrivateKey(masterSecret, kid, pkcs8)),
      );
    }
  }

  #changeKeys<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    return this.prisma.transaction(async (tx) => {
      await lockUntilTransactionEnds(tx, KEYS_LOCK);
      const result = await work(tx);
      await this.feed.announceChange(tx);
      return result;
    });
  }

  async #generateKey(alg: SigningAlg): Promise<NewKey> {
    const key = await generateSigningKey(alg);
    const pkcs8 = key.privateKey.export({ format: 'der', type: 'pkcs8' });
    const privateKey = new Uint8Array(encryptPrivateKey(this.config.masterSecret, key.kid, pkcs8));
    return { kid: key.kid, alg: key.alg, publicJwk: publicJwk(key), privateKey };
  }
}
