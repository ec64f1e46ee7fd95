import { Controller, Get, Header } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Public } from '../access/route-access.decorators.js';
import { KeyRing } from '../tokens/key-ring.js';
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
    response: { 200: JwkSet },
  })
  keys() {
    return { keys: this.keyRing.jwks };
  }
}
