import 'reflect-metadata';
import { Controller, Get, Module, Request, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { secret, view, type Claims } from './peer.ts';
import { serveNest } from './serve-nest.ts';

/** The recipe of Nest's documentation, with decorators called as functions. */
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      ignoreExpiration: false,
      secretOrKey: secret,
    });
  }

  validate(payload: Claims): Claims {
    return payload;
  }
}

class AuthController {
  me(request: { user: Claims }): Record<string, unknown> {
    return view(request.user);
  }
}

class AppModule {}

const { prototype } = AuthController;
Request()(prototype, 'me', 0);
Get('me')(prototype, 'me', Object.getOwnPropertyDescriptor(prototype, 'me') as PropertyDescriptor);
UseGuards(AuthGuard('jwt'))(AuthController);
Controller('v1/auth')(AuthController);
Module({ imports: [PassportModule], controllers: [AuthController], providers: [JwtStrategy] })(AppModule);

await serveNest(AppModule, new FastifyAdapter());
