import { Controller, Delete, Get, HttpCode, Param, Query } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { Principal } from '../access/principal.js';
import { CurrentUser } from '../access/route-access.decorators.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { notFound, serviceUnavailable } from '../problems/http-status.problems.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { NoContent } from '../http/no-content.schema.js';
import { problemResponses } from '../problems/problem-responses.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { DEFAULT_SESSION_PAGE_SIZE, SessionPage, SessionPageQuery, SessionParams } from './auth.schemas.js';
import { LogoutService } from './logout.service.js';

@Controller('v1/auth/sessions')
export class SessionsController {
  constructor(
    private readonly logouts: LogoutService,
    private readonly sessions: SessionsService,
  ) {}

  @Get()
  @RouteSchema({
    summary: "The caller's live sessions",
    operationId: 'listSessions',
    tags: ['auth'],
    querystring: SessionPageQuery,
    response: { 200: SessionPage, ...problemResponses(serviceUnavailable) },
  })
  async listSessions(
    @CurrentUser() { userId, sessionId }: Principal,
    @Query() { cursor, limit = DEFAULT_SESSION_PAGE_SIZE }: SessionPageQuery,
  ): Promise<SessionPage> {
    const size = Number(limit);
    // One more than the page holds tells whether there is a next page.
    const sessions = await this.sessions.listSessions(userId, cursor, size + 1);
    const items = sessions.slice(0, size).map(({ id, createdAt, refreshedAt, userAgent, network }) => ({
      id,
      createdAt: createdAt.toISOString(),
      refreshedAt: refreshedAt.toISOString(),
      userAgent,
      network,
      isCurrent: id === sessionId,
    }));
    return { items, nextCursor: sessions.length > size ? (items.at(-1)?.id ?? null) : null };
  }

  @Delete(':id')
  @HttpCode(204)
  @RouteSchema({
    summary: "End one of the caller's sessions",
    description: 'Also one that has expired, which the list no longer shows: an access token of it may still be valid.',
    operationId: 'endSession',
    tags: ['auth'],
    params: SessionParams,
    response: { 204: NoContent, ...problemResponses(notFound, tooManyAttempts, serviceUnavailable) },
  })
  async endSession(
    @CurrentUser() user: Principal,
    @Param() { id }: SessionParams,
    @Client() client: ClientInfo,
  ): Promise<void> {
    if (!(await this.logouts.endOwnSession(user, id, client))) throw notFound();
  }
}
