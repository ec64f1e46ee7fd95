import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { FastifyAdapter, RouteSchema } from '@nestjs/platform-fastify';
import { VIEW_SCHEMA, viewOfSomebody } from './peer.ts';
import { serveNest } from './serve-nest.ts';

/** The least Nest application on Fastify: one controller, a response schema, a constant answer; no check and no log. */
class AuthController {
  me(): Record<string, unknown> {
    return viewOfSomebody;
  }
}

class AppModule {}

const { prototype } = AuthController;
const me = Object.getOwnPropertyDescriptor(prototype, 'me') as PropertyDescriptor;
Get('me')(prototype, 'me', me);
RouteSchema({ response: { 200: VIEW_SCHEMA } })(prototype, 'me', me);
Controller('v1/auth')(AuthController);
Module({ controllers: [AuthController] })(AppModule);

await serveNest(AppModule, new FastifyAdapter({ skipMiddie: true }));
