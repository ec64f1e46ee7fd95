import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { START_LOCK, withAdvisoryLock } from '../database/advisory-lock.js';
import { openKey, sealKey } from './sealed-key.js';
import {
  generateSigningKey,
  importSigningKey,
  publicJwk,
  sharedSigningKey,
  type PublicJwk,
  type SigningAlg,
  type SigningKey,
} from './signing-key.js';
import { SigningKeysRepository, type StoredKey } from './signing-keys.repository.js';

/** The keys of this service: managed ones from the database, or those of `JWT_SECRET`. */
@Injectable()
export class KeyRing implements OnModuleInit {
  #keys: readonly SigningKey[] = [];
  #jwks: readonly PublicJwk[] = [];

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly repository: SigningKeysRepository,
  ) {}

  async onModuleInit(): Promise<void> {
    const { jwtSecret } = this.config;
    this.#keys = jwtSecret ? jwtSecret.map(sharedSigningKey) : await this.#loadManaged();
    this.#jwks = jwtSecret ? [] : this.#keys.map(publicJwk);
  }

  /** The key that signs now. */
  get signing(): SigningKey {
    const alg = this.config.jwtSecret ? 'HS256' : this.config.signingAlg;
    const key = this.#keys.find((candidate) => candidate.alg === alg);
    if (key === undefined) throw new Error('the key ring is not loaded');
    return key;
  }

  /** Every key whose tokens are accepted. */
  get trusted(): readonly SigningKey[] {
    return this.#keys;
  }

  /** What `/.well-known/jwks.json` publishes; empty with `JWT_SECRET`. */
  get jwks(): readonly PublicJwk[] {
    return this.#jwks;
  }

  async #loadManaged(): Promise<readonly SigningKey[]> {
    const keys = await this.#openAll();
    return this.#hasSigningKey(keys) ? keys : withAdvisoryLock(this.config, START_LOCK, () => this.#makeFirst());
  }

  /** Under the lock, so that of many first starts one makes the key and the others read it. */
  async #makeFirst(): Promise<readonly SigningKey[]> {
    const keys = await this.#openAll();
    if (this.#hasSigningKey(keys)) return keys;
    const { signingAlg, masterSecret } = this.config;
    const key = generateSigningKey(signingAlg);
    const pkcs8 = key.privateKey.export({ format: 'der', type: 'pkcs8' });
    const privateKey = new Uint8Array(sealKey(masterSecret, key.kid, pkcs8));
    await this.repository.insert({ kid: key.kid, alg: key.alg, publicJwk: publicJwk(key), privateKey });
    return this.#openAll();
  }

  /** Every key must open: a node that lacks a secret refuses to start rather than make keys of its own. */
  async #openAll(): Promise<readonly SigningKey[]> {
    const stored = await this.repository.list();
    return stored.map((key) => this.#open(key));
  }

  #open({ kid, alg, privateKey }: StoredKey): SigningKey {
    return importSigningKey(alg as SigningAlg, openKey(this.config.masterSecret, kid, privateKey));
  }

  #hasSigningKey(keys: readonly SigningKey[]): boolean {
    return keys.some(({ alg }) => alg === this.config.signingAlg);
  }
}
