import { Injectable } from '@nestjs/common';
import type { ChangeQuery } from '../database/change-feed.js';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import {
  isAbandoned,
  isActiveTooLong,
  isNextDue,
  isOlder,
  isRetirementOver,
  STATE,
  stateIs,
  type KeyState,
} from './signing-key-conditions.js';

/** A key that is not gone, with its encrypted private key. */
export interface StoredKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: Exclude<KeyState, 'gone'>;
  readonly privateKey: Uint8Array;
  /** How long it has been in its state. */
  readonly ageSeconds: number;
}

export interface KeyRecord {
  readonly kid: string;
  readonly alg: string;
  readonly state: KeyState;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly retiredAt: Date | null;
  readonly goneAt: Date | null;
}

export interface NewKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: object;
  readonly privateKey: Uint8Array<ArrayBuffer>;
}

/** Seconds, on the database's clock. */
export interface RotationTimes {
  /** How long a key must have been published before it signs. */
  readonly publish: number;
  /** How long a key signs. */
  readonly rotation: number;
  /** How long a key verifies after it stopped signing. */
  readonly retirement: number;
  /** The age at which a key of another algorithm is retired. */
  readonly abandonment: number;
}

export interface DueChanges {
  readonly isNextMissing: boolean;
  readonly isRotationDue: boolean;
  readonly isRemovalDue: boolean;
}

/** Every change is conditional on the state that it changes. A caller that changes several rows holds the keys lock. */
@Injectable()
export class SigningKeysRepository {
  constructor(private readonly prisma: PrismaService) {}

  /** The keys that verify, newest first. */
  listTrustedKeys(query: ChangeQuery): Promise<StoredKey[]> {
    return query<StoredKey>(
      `SELECT kid, alg, ${STATE} AS state, private_key AS "privateKey",
              extract(epoch FROM clock_timestamp() - coalesce(retired_at, activated_at, created_at))::float8 AS "ageSeconds"
       FROM signing_keys WHERE gone_at IS NULL ORDER BY created_at DESC, kid`,
    );
  }

  /** Every key, including those that are gone, oldest first. */
  listKeyRecords(): Promise<KeyRecord[]> {
    return this.prisma.$queryRaw<KeyRecord[]>`
      SELECT kid, alg, ${Prisma.raw(STATE)} AS state, created_at AS "createdAt", activated_at AS "activatedAt",
             retired_at AS "retiredAt", gone_at AS "goneAt"
      FROM signing_keys ORDER BY created_at, kid`;
  }

  /** Whether there is an active key, of any algorithm. */
  async hasActiveKey(): Promise<boolean> {
    const active = { activatedAt: { not: null }, retiredAt: null, goneAt: null };
    return (await this.prisma.signingKey.count({ where: active })) > 0;
  }

  /**
   * Unless there is an active key of any algorithm: activates a next key, preferably of the given key's algorithm, or
   * else inserts the given key as active.
   */
  async insertActiveKeyIfNone(tx: Transaction, key: NewKey): Promise<void> {
    const isNoneActive = Prisma.sql`NOT EXISTS (SELECT FROM signing_keys WHERE ${stateIs('active')})`;
    await tx.$executeRaw`
      UPDATE signing_keys SET activated_at = now()
      WHERE ${isNoneActive} AND kid = (
        SELECT kid FROM signing_keys WHERE ${stateIs('next')} ORDER BY alg = ${key.alg} DESC, created_at LIMIT 1)`;
    await tx.$executeRaw`
      INSERT INTO signing_keys (kid, alg, public_jwk, private_key, activated_at)
      SELECT ${key.kid}, ${key.alg}, ${JSON.stringify(key.publicJwk)}::jsonb, ${key.privateKey}, now()
      WHERE ${isNoneActive}`;
  }

  /** Inserts a key as the next one of its algorithm unless there is one. */
  async insertNextKeyIfNone(tx: Transaction, key: NewKey): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO signing_keys (kid, alg, public_jwk, private_key)
      SELECT ${key.kid}, ${key.alg}, ${JSON.stringify(key.publicJwk)}::jsonb, ${key.privateKey}
      WHERE NOT EXISTS (SELECT FROM signing_keys WHERE alg = ${key.alg} AND ${stateIs('next')})`;
  }

  /**
   * Which of {@link rotateActiveKey}, {@link insertNextKeyIfNone} and
   * {@link removeExpiredKeys} would change something now.
   */
  async findDueChanges(alg: string, times: RotationTimes): Promise<DueChanges> {
    const [due] = await this.prisma.$queryRaw<DueChanges[]>`
      SELECT NOT EXISTS (SELECT FROM signing_keys WHERE alg = ${alg} AND ${stateIs('next')}) AS "isNextMissing",
             EXISTS (SELECT FROM signing_keys WHERE ${isNextDue(alg, times.publish)}) AND (
               EXISTS (SELECT FROM signing_keys WHERE ${isActiveTooLong(alg, times.rotation)})
               OR NOT EXISTS (SELECT FROM signing_keys WHERE alg = ${alg} AND ${stateIs('active')})
             ) AS "isRotationDue",
             EXISTS (SELECT FROM signing_keys WHERE ${isRetirementOver(times.retirement)} OR ${isAbandoned(alg, times.abandonment)})
               AS "isRemovalDue"`;
    return due ?? { isNextMissing: false, isRotationDue: false, isRemovalDue: false };
  }

  /**
   * Replaces the active key by the next one if the times of both are over.
   * @returns the kid of the new active key, or undefined
   */
  async rotateActiveKey(
    tx: Transaction,
    alg: string,
    { publish, rotation }: RotationTimes,
  ): Promise<string | undefined> {
    const [activated] = await tx.$queryRaw<{ kid: string }[]>`
      WITH successor AS MATERIALIZED (
        SELECT kid FROM signing_keys WHERE ${isNextDue(alg, publish)} ORDER BY created_at LIMIT 1
      ), actives AS MATERIALIZED (
        SELECT kid, ${isOlder('activated_at', rotation)} AS is_over_term FROM signing_keys WHERE alg = ${alg} AND ${stateIs('active')}
      ), retired AS (
        UPDATE signing_keys SET retired_at = now()
        WHERE kid IN (SELECT kid FROM actives WHERE is_over_term) AND EXISTS (SELECT FROM successor)
      )
      UPDATE signing_keys SET activated_at = now()
      WHERE kid = (SELECT kid FROM successor) AND NOT EXISTS (SELECT FROM actives WHERE NOT is_over_term)
      RETURNING kid`;
    return activated?.kid;
  }

  /** Retires abandoned keys, and removes retiring keys whose last token has expired. */
  async removeExpiredKeys(tx: Transaction, alg: string, { abandonment, retirement }: RotationTimes): Promise<void> {
    await tx.$executeRaw`UPDATE signing_keys SET retired_at = now() WHERE ${isAbandoned(alg, abandonment)}`;
    await tx.$executeRaw`
      UPDATE signing_keys SET gone_at = now(), private_key = NULL WHERE ${isRetirementOver(retirement)}`;
  }

  /** The keys that are not gone, encrypted. */
  async listEncryptedKeys(): Promise<{ kid: string; privateKey: Uint8Array<ArrayBuffer> | null }[]> {
    return this.prisma.signingKey.findMany({ where: { goneAt: null }, select: { kid: true, privateKey: true } });
  }

  /** Replaces an encrypted private key, only if it is still the one expected. */
  async replaceEncryptedKey(
    kid: string,
    expected: Uint8Array<ArrayBuffer>,
    replacement: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    await this.prisma.signingKey.updateMany({
      where: { kid, privateKey: expected },
      data: { privateKey: replacement },
    });
  }

  /** Removes a key in any state. @returns its kid, or undefined when it is gone already or never existed */
  async markKeyGone(tx: Transaction, kid: string): Promise<string | undefined> {
    const [removed] = await tx.$queryRaw<{ kid: string }[]>`
      UPDATE signing_keys SET gone_at = now(), retired_at = coalesce(retired_at, now()), private_key = NULL
      WHERE kid = ${kid} AND gone_at IS NULL
      RETURNING kid`;
    return removed?.kid;
  }

  /** Removes every key. @returns the kids of those that were not gone */
  async markAllKeysGone(tx: Transaction): Promise<string[]> {
    const removed = await tx.$queryRaw<{ kid: string }[]>`
      UPDATE signing_keys SET gone_at = now(), retired_at = coalesce(retired_at, now()), private_key = NULL
      WHERE gone_at IS NULL
      RETURNING kid`;
    return removed.map(({ kid }) => kid);
  }

  /** Activates the oldest next key of an algorithm, however briefly it was published, unless one is active. */
  async activateNextKey(tx: Transaction, alg: string): Promise<void> {
    await tx.$executeRaw`
      UPDATE signing_keys SET activated_at = now()
      WHERE kid = (SELECT kid FROM signing_keys WHERE alg = ${alg} AND ${stateIs('next')} ORDER BY created_at LIMIT 1)
        AND NOT EXISTS (SELECT FROM signing_keys WHERE alg = ${alg} AND ${stateIs('active')})`;
  }
}
