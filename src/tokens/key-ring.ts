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
import { SigningKeysRepository, type KeyState, type StoredKey } from './signing-keys.repository.js';

/** A key and what it is for now; those of `JWT_SECRET` sign (the first) or verify. */
interface RingKey extends SigningKey {
  readonly state: Exclude<KeyState, 'gone'>;
  /** In it, in milliseconds of `performance.now()`. */
  readonly since: number;
}

/** Well within the time by which a retired key verifies longer than the last token of it lives. */
const MAX_KEYS_AGE_MS = 120_000;

/** RFC 7517 section 5, with the entity tag that changes when it does. */
export interface JwkSet {
  readonly keys: readonly PublicJwk[];
  readonly etag: string;
}

type KeysListener = (trusted: readonly SigningKey[]) => void;

/** The keys of this service: managed ones as the feed brings them from the database, or those of `JWT_SECRET`. */
@Injectable()
export class KeyRing {
  readonly #listeners: KeysListener[] = [];
  readonly #distrusted = new Set<string>();
  #keys: readonly RingKey[] = [];
  #signing: SigningKey | undefined;
  #jwks: JwkSet = jwkSet([]);
  /** What the keys were made from, to see a change. */
  #version = '';
  #revived: readonly string[] = [];
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
   * The key that signs now. After a change of `SIGNING_ALG` that is the active key of another algorithm until the new one
   * has been published long enough.
   * @throws Problem `service_unavailable` for the moment in which there is none.
   */
  get signingKey(): SigningKey {
    if (performance.now() > this.lastReadAt + MAX_KEYS_AGE_MS)
      throw serviceUnavailable({ cause: new Error('the keys are stale') });
    if (this.#signing === undefined) throw serviceUnavailable({ cause: new Error('no key is active') });
    return this.#signing;
  }

  /** Whether {@link signingKey} has a key to give. */
  get canSign(): boolean {
    return this.#signing !== undefined && performance.now() <= this.lastReadAt + MAX_KEYS_AGE_MS;
  }

  /** Whether there is a key whose tokens are accepted. */
  get canVerify(): boolean {
    return this.#keys.length > 0;
  }

  /** What must not go on once the database was read: nothing signs, or it has keys that this node knows to be revoked. */
  get needsRepair(): boolean {
    return this.#signing === undefined || this.#revived.length > 0;
  }

  /** Keys that the database still has, or has again after a restore, although they were revoked. */
  get reappearedKids(): readonly string[] {
    return this.#revived;
  }

  /** What `/.well-known/jwks.json` publishes; empty with `JWT_SECRET`. */
  get jwks(): JwkSet {
    return this.#jwks;
  }

  /**
   * When this node last read the managed keys and could open them, in milliseconds of `performance.now()`; with `JWT_SECRET`
   * there is nothing to read.
   */
  get lastReadAt(): number {
    return this.config.jwtSecret ? Infinity : this.#readAt;
  }

  /** How many keys there are of each state. */
  countKeysByState(): Readonly<Record<RingKey['state'], number>> {
    const count = (state: KeyState): number => this.#keys.filter((key) => key.state === state).length;
    return { next: count('next'), active: count('active'), retiring: count('retiring') };
  }

  /** Seconds since the latest change to each state that a key is in. */
  stateAgesSeconds(): Readonly<Partial<Record<RingKey['state'], number>>> {
    const ages: Partial<Record<RingKey['state'], number>> = {};
    for (const { state, since } of this.#keys) {
      ages[state] = Math.min(ages[state] ?? Infinity, (performance.now() - since) / 1000);
    }
    return ages;
  }

  /** Calls the follower with the keys whose tokens are accepted, now and after each change. */
  onKeysChanged(follower: KeysListener): void {
    this.#listeners.push(follower);
    follower(this.#keys);
  }

  /** Accepts no token of this key from now on, whatever the database says later. */
  distrustKey(kid: string): void {
    this.#distrusted.add(kid);
    const lost = this.#keys.find((key) => key.kid === kid);
    if (lost === undefined) return;
    const heir = lost.state === 'active' ? this.#nextOf(lost.alg) : undefined;
    this.#replaceKeys(this.#keys.map((key) => (key === heir ? withState(key, 'active') : key)));
  }

  /** The one that {@link SigningKeysRepository.activateNextKey} takes: the oldest. */
  #nextOf(alg: SigningKey['alg']): RingKey | undefined {
    return this.#keys.findLast((key) => key.alg === alg && key.state === 'next');
  }

  async #readKeys(query: ChangeQuery): Promise<void> {
    const startedAt = performance.now();
    const stored = await this.repository.listTrustedKeys(query);
    const version = stored.map(({ kid, state }) => `${kid} ${state}`).join();
    if (version !== this.#version) this.#replaceKeys(stored.map((key) => this.#importKey(key)));
    this.#version = version;
    this.#revived = stored.map(({ kid }) => kid).filter((kid) => this.#distrusted.has(kid));
    this.#readAt = startedAt;
  }

  /** Every key must open: a node that lacks a secret refuses to start rather than make keys of its own. */
  #importKey({ kid, alg, state, privateKey, ageSeconds }: StoredKey): RingKey {
    const known = this.#keys.find((key) => key.kid === kid);
    const key =
      known ?? importSigningKey(alg as SigningAlg, decryptPrivateKey(this.config.masterSecret, kid, privateKey));
    return withState(key, state, performance.now() - ageSeconds * 1000);
  }

  #replaceKeys(keys: readonly RingKey[]): void {
    this.#keys = keys.filter(({ kid }) => !this.#distrusted.has(kid));
    const active = this.#keys.filter(({ state }) => state === 'active');
    this.#signing = active.find(({ alg }) => alg === this.config.signingAlg) ?? active[0];
    this.#jwks = jwkSet(this.config.jwtSecret ? [] : this.#keys.map(publicJwk));
    for (const follower of this.#listeners) follower(this.#keys);
  }
}

function withState(key: SigningKey, state: RingKey['state'], since = performance.now()): RingKey {
  return { ...key, state, since };
}

function jwkSet(keys: readonly PublicJwk[]): JwkSet {
  return { keys, etag: `"${hash('sha256', JSON.stringify(keys), 'base64url')}"` };
}
