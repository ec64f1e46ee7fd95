import { Injectable, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../problems/problem.js';
import { tokenMissing } from './access.problems.js';

/**
 * Passes a request that the authentication hook has authenticated; on a public route it verifies the token
 * itself. Other routes are guarded by the hook already and do not need this guard; a Nest guard costs 2.5
 * µs of CPU, more than the hook.
 */
@Injectable()
export class JwtAuthGuard extends AuthGuard('jwt') {
  override canActivate(
    context: ExecutionContext,
  ): ReturnType<InstanceType<ReturnType<typeof AuthGuard>>['canActivate']> {
    return context.switchToHttp().getRequest<FastifyRequest>().user !== undefined || super.canActivate(context);
  }

  /** Nest's own implementation throws an exception without the problem's code and challenge. */
  override handleRequest<User>(error: unknown, user: User | false | null | undefined, info: unknown): User {
    if (error) throw error;
    if (user) return user;
    throw info instanceof Problem ? info : tokenMissing();
  }
}
