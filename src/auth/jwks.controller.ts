import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { Public } from '../access/route-access.decorators.js';
import { CONFIG, type Config } from '../config/config.js';
import { KeyRing } from '../tokens/key-ring.js';
import { NoContent } from '../http/no-content.schema.js';
import { JwkSet } from './auth.schemas.js';

export const MAX_CACHED_SECONDS = 300;

@Controller('.well-known')
export class JwksController {
  readonly #cacheControl: string;

  /** A cached key set must expire before a newly published key signs. */
  constructor(
    @Inject(CONFIG) config: Config,
    private readonly keyRing: KeyRing,
  ) {
    this.#cacheControl = `public, max-age=${Math.min(MAX_CACHED_SECONDS, config.keyPublishSeconds)}`;
  }

  @Get('jwks.json')
  @Public()
  @RouteSchema({
    summary: 'The public keys that verify access tokens',
    operationId: 'getJwks',
    tags: ['keys'],
    response: { 200: JwkSet, 304: NoContent },
  })
  getJwks(@Headers('if-none-match') ifNoneMatch: string | undefined, @Res({ passthrough: true }) reply: FastifyReply) {
    const { keys, etag } = this.keyRing.jwks;
    void reply.headers({ etag, 'cache-control': this.#cacheControl });
    if (!matchesTag(etag, ifNoneMatch)) return { keys };
    void reply.code(304);
    return undefined;
  }
}

/** Whether `If-None-Match` names this entity tag, by weak comparison, or is `*` (RFC 9110 section 13.1.2). */
function matchesTag(etag: string, ifNoneMatch: string | undefined): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
}
