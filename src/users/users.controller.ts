import { Body, Controller, Get, HttpCode, Patch, Post, StreamableFile } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Readable } from 'node:stream';
import { insufficientUserAuthentication } from '../access/access.problems.js';
import type { Principal } from '../access/principal.js';
import { BodyLimit, CurrentUser, HashesPassword } from '../access/route-access.decorators.js';
import { largestBodyOf } from '../http/body-limit.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { passwordProblems } from '../passwords/passwords.problems.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { NoContent } from '../http/no-content.schema.js';
import { problemResponses } from '../problems/problem-responses.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { AccountDeletionService } from './account-deletion.service.js';
import { AccountExport } from './account-export.schema.js';
import { AccountExportService, EXPORT_MAX_LOGIN_AGE_SECONDS } from './account-export.service.js';
import { PasswordChangeService } from './password-change.service.js';
import { UserView } from './user-view.schema.js';
import { DeletionBody, PasswordChangeBody, ProfileBody } from './users.schemas.js';
import { credentialsInvalid, userInUse, userNotFound } from './users.problems.js';
import { UsersService } from './users.service.js';

@Controller('v1/users')
export class UsersController {
  constructor(
    private readonly users: UsersService,
    private readonly passwordChange: PasswordChangeService,
    private readonly deletion: AccountDeletionService,
    private readonly accountExport: AccountExportService,
  ) {}

  @Get('me')
  @RouteSchema({
    summary: 'The caller as the database has them',
    operationId: 'getUser',
    tags: ['users'],
    response: { 200: UserView, ...problemResponses(userNotFound, serviceUnavailable) },
  })
  getUser(@CurrentUser() user: Principal): Promise<UserView> {
    return this.users.getUser(user.userId);
  }

  @Patch('me')
  @RouteSchema({
    summary: "Replace the caller's profile",
    operationId: 'changeUser',
    tags: ['users'],
    body: ProfileBody,
    response: { 200: UserView, ...problemResponses(userNotFound, tooManyAttempts, serviceUnavailable) },
  })
  changeUser(@CurrentUser() user: Principal, @Body() { profile }: ProfileBody): Promise<UserView> {
    return this.users.replaceProfile(user.userId, profile);
  }

  @Get('me/export')
  @RouteSchema({
    summary: 'Everything that is kept about the caller',
    description: `A file that is sent as it is read; where that fails, its connection is cut off. The login of the session may be at most ${EXPORT_MAX_LOGIN_AGE_SECONDS / 60} minutes ago, and a refresh does not renew it.`,
    operationId: 'exportAccount',
    tags: ['users'],
    response: {
      200: AccountExport,
      ...problemResponses(insufficientUserAuthentication, tooManyAttempts, serviceUnavailable),
    },
  })
  async exportAccount(@CurrentUser() user: Principal): Promise<StreamableFile> {
    const pieces = await this.accountExport.startExport(user);
    // In bytes, so that one page is waiting at most.
    return new StreamableFile(Readable.from(pieces, { objectMode: false }), {
      type: 'application/json; charset=utf-8',
      disposition: 'attachment; filename="export.json"',
    });
  }

  @Post('me/password')
  @HashesPassword()
  // Two passwords with every character escaped are more than the usual limit.
  @BodyLimit(largestBodyOf(PasswordChangeBody))
  @HttpCode(204)
  @RouteSchema({
    summary: 'Change the password; ends every other session',
    operationId: 'changePassword',
    tags: ['users'],
    body: PasswordChangeBody,
    response: {
      204: NoContent,
      ...problemResponses(credentialsInvalid, tooManyAttempts, ...passwordProblems, serviceUnavailable),
    },
  })
  changePassword(
    @CurrentUser() user: Principal,
    @Body() body: PasswordChangeBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    const { currentPassword: current, newPassword: next, deviceToken } = body;
    return this.passwordChange.changePassword(user, { current, next, client, deviceToken }, disconnected);
  }

  @Post('me/deletion')
  @HashesPassword()
  @HttpCode(204)
  @RouteSchema({
    summary: 'Delete the caller and everything of theirs',
    operationId: 'deleteUser',
    tags: ['users'],
    body: DeletionBody,
    response: {
      204: NoContent,
      ...problemResponses(credentialsInvalid, userInUse, tooManyAttempts, serviceUnavailable),
    },
  })
  deleteAccount(
    @CurrentUser() user: Principal,
    @Body() { currentPassword: current }: DeletionBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    return this.deletion.deleteOwnAccount(user, { current, client }, disconnected);
  }
}
