import { Inject, Injectable } from '@nestjs/common';
import { hash } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { ChangeFeed, type ChangeQuery } from '../database/change-feed.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { decryptPrivateKey } from '../secrets/private-key-encryption.js';
import {
  importSigningKey,
  publicJwk,
  sharedSigningKey,
  type PublicJwk,
  type SigningAlg,
  type SigningKey,
} from './signing-key.js';
import type { KeyState } from './signing-key-conditions.js';
import { SigningKeysRepository, type StoredKey } from './signing-keys.repository.js';

/** A key and its state. Of the keys of `JWT_SECRET` the first is `active`, the second `retiring`. */
interface RingKey extends SigningKey {
  readonly state: Exclude<KeyState, 'gone'>;
  /** When it entered the state, in milliseconds of `performance.now()`. */
  readonly since: number;
}

/**
 * The longest time since the last read during which a node signs. Within the 300 s by which a retiring
 * key outlasts its last token.
 */
const MAX_KEYS_AGE_MS = 120_000;

/** A JWK Set (RFC 7517 section 5) and its entity tag. */
export interface TaggedJwkSet {
  readonly keys: readonly PublicJwk[];
  readonly etag: string;
}

type KeysListener = (trustedKeys: readonly SigningKey[]) => void;

/**
 * The service's keys in memory: managed keys, which the change feed reads from the database, or those of `JWT_SECRET`.
 */
@Injectable()
export class KeyRing {
  readonly #listeners: KeysListener[] = [];
  readonly #distrusted = new Set<string>();
  #keys: readonly RingKey[] = [];
  #signingKey: SigningKey | undefined;
  #jwks: TaggedJwkSet = tagJwkSet([]);
  /** Kids and states of the stored keys, to notice a change. */
  #version = '';
  #reappearedKids: readonly string[] = [];
  #readAt = performance.now();

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly repository: SigningKeysRepository,
    feed: ChangeFeed,
  ) {
    const shared = config.jwtSecret?.map(sharedSigningKey);
    if (shared === undefined) feed.addReader((query) => this.#readKeys(query));
    else this.#replaceKeys(shared.map((key, index) => withState(key, index === 0 ? 'active' : 'retiring')));
  }

  /**
   * The key that signs. After a change of `SIGNING_ALG` it is the active key of the former algorithm until a new key
   * has been published long enough.
   * @throws Problem `service_unavailable` while no key is active or the keys are stale.
   */
  get signingKey(): SigningKey {
    if (performance.now() > this.lastReadAt + MAX_KEYS_AGE_MS)
      throw serviceUnavailable({ cause: new Error('the keys are stale') });
    if (this.#signingKey === undefined) throw serviceUnavailable({ cause: new Error('no key is active') });
    return this.#signingKey;
  }

  /** Whether {@link signingKey} returns a key. */
  get canSign(): boolean {
    return this.#signingKey !== undefined && performance.now() <= this.lastReadAt + MAX_KEYS_AGE_MS;
  }

  /** Whether there is a key whose tokens are accepted. */
  get canVerify(): boolean {
    return this.#keys.length > 0;
  }

  /** Whether no key signs, or the database has keys that this node knows to be revoked. */
  get needsRepair(): boolean {
    return this.#signingKey === undefined || this.#reappearedKids.length > 0;
  }

  /** Revoked keys that the database still has, or has again after a restore. */
  get reappearedKids(): readonly string[] {
    return this.#reappearedKids;
  }

  /** What `/.well-known/jwks.json` publishes; empty with `JWT_SECRET`. */
  get jwks(): TaggedJwkSet {
    return this.#jwks;
  }

  /**
   * When this node last read and decrypted the managed keys, in milliseconds of `performance.now()`. Infinity with
   * `JWT_SECRET`, where there is nothing to read.
   */
  get lastReadAt(): number {
    return this.config.jwtSecret ? Infinity : this.#readAt;
  }

  /** The number of keys in each state. */
  countKeysByState(): Readonly<Record<RingKey['state'], number>> {
    const count = (state: KeyState): number => this.#keys.filter((key) => key.state === state).length;
    return { next: count('next'), active: count('active'), retiring: count('retiring') };
  }

  /** For each state that a key is in, the seconds since a key last entered it. */
  stateAgesSeconds(): Readonly<Partial<Record<RingKey['state'], number>>> {
    const ages: Partial<Record<RingKey['state'], number>> = {};
    for (const { state, since } of this.#keys) {
      ages[state] = Math.min(ages[state] ?? Infinity, (performance.now() - since) / 1000);
    }
    return ages;
  }

  /** Calls the listener with the keys whose tokens are accepted, now and after each change. */
  onKeysChanged(listener: KeysListener): void {
    this.#listeners.push(listener);
    listener(this.#keys);
  }

  /** Accepts no token of this key from now on, whatever the database says later. If it signed, the next key signs. */
  distrustKey(kid: string): void {
    this.#distrusted.add(kid);
    const distrusted = this.#keys.find((key) => key.kid === kid);
    if (distrusted === undefined) return;
    const successor = distrusted.state === 'active' ? this.#nextKeyOf(distrusted.alg) : undefined;
    this.#replaceKeys(this.#keys.map((key) => (key === successor ? withState(key, 'active') : key)));
  }

  /** The oldest next key, which {@link SigningKeysRepository.activateNextKey} also activates. */
  #nextKeyOf(alg: SigningKey['alg']): RingKey | undefined {
    return this.#keys.findLast((key) => key.alg === alg && key.state === 'next');
  }

  async #readKeys(query: ChangeQuery): Promise<void> {
    const startedAt = performance.now();
    const stored = await this.repository.listTrustedKeys(query);
    const version = stored.map(({ kid, state }) => `${kid} ${state}`).join();
    if (version !== this.#version) this.#replaceKeys(stored.map((key) => this.#importKey(key)));
    this.#version = version;
    this.#reappearedKids = stored.map(({ kid }) => kid).filter((kid) => this.#distrusted.has(kid));
    this.#readAt = startedAt;
  }

  /**
   * Throws for a key that cannot be decrypted: a node with the wrong secret refuses to start instead
   * of creating keys of its own.
   */
  #importKey({ kid, alg, state, privateKey, ageSeconds }: StoredKey): RingKey {
    const known = this.#keys.find((key) => key.kid === kid);
    const key =
      known ?? importSigningKey(alg as SigningAlg, decryptPrivateKey(this.config.masterSecret, kid, privateKey));
    return withState(key, state, performance.now() - ageSeconds * 1000);
  }

  #replaceKeys(keys: readonly RingKey[]): void {
    this.#keys = keys.filter(({ kid }) => !this.#distrusted.has(kid));
    const active = this.#keys.filter(({ state }) => state === 'active');
    this.#signingKey = active.find(({ alg }) => alg === this.config.signingAlg) ?? active[0];
    this.#jwks = tagJwkSet(this.config.jwtSecret ? [] : this.#keys.map(publicJwk));
    for (const listener of this.#listeners) listener(this.#keys);
  }
}

function withState(key: SigningKey, state: RingKey['state'], since = performance.now()): RingKey {
  return { ...key, state, since };
}

function tagJwkSet(keys: readonly PublicJwk[]): TaggedJwkSet {
  return { keys, etag: `"${hash('sha256', JSON.stringify(keys), 'base64url')}"` };
}
