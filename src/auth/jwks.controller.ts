import { Controller, Get, Header, Headers, Res } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { createHash } from 'node:crypto';
import { Public } from '../access/route-access.decorators.js';
import { KeyRing } from '../tokens/key-ring.js';
import { NoContent } from '../wire/no-content.js';
import { JwkSet } from './auth.messages.js';

@Controller('.well-known')
export class JwksController {
  constructor(private readonly keyRing: KeyRing) {}

  @Get('jwks.json')
  @Public()
  @Header('cache-control', 'public, max-age=300')
  @RouteSchema({
    summary: 'The public keys that verify access tokens',
    operationId: 'getJwks',
    tags: ['keys'],
    response: { 200: JwkSet, 304: NoContent },
  })
  keys(@Headers('if-none-match') known: string | undefined, @Res({ passthrough: true }) reply: FastifyReply) {
    const keys = this.keyRing.jwks;
    const etag = `"${createHash('sha256').update(JSON.stringify(keys)).digest('base64url')}"`;
    void reply.header('etag', etag);
    if (!isAmong(etag, known)) return { keys };
    void reply.code(304);
    return undefined;
  }
}

/** RFC 9110 section 13.1.2: weak comparison with a list of entity tags, or any. */
function isAmong(etag: string, list: string | undefined): boolean {
  const tags = list?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
}
