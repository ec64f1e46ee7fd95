import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { Principal } from '../access/principal.js';
import { CurrentUser, HashesPassword, Public } from '../access/route-access.decorators.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { Accepted } from '../http/no-content.schema.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { problemResponses } from '../problems/problem-responses.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { credentialsInvalid } from '../users/users.problems.js';
import { EmailBody, EmailChangeBody } from './account.schemas.js';
import { EmailChangeRequestService } from './email-change-request.service.js';
import { MailAskingService } from './mail-asking.service.js';

/** What asks for mail. Only where there is mail. */
@Controller('v1')
export class MailAskingController {
  constructor(
    private readonly asking: MailAskingService,
    private readonly changes: EmailChangeRequestService,
  ) {}

  @Post('auth/email-verification')
  @Public()
  @HttpCode(202)
  @RouteSchema({
    summary: 'Ask for a mail with which to confirm an address',
    description: 'The same answer for every address. At most one mail in two minutes, and six in an hour.',
    operationId: 'askForEmailVerification',
    tags: ['account'],
    body: EmailBody,
    response: { 202: Accepted, ...problemResponses(tooManyAttempts, serviceUnavailable) },
  })
  askForEmailVerification(@Body() { email }: EmailBody, @Client() client: ClientInfo): Promise<void> {
    return this.asking.askForMail('email_verification', email, client);
  }

  @Post('auth/password-reset')
  @Public()
  @HttpCode(202)
  @RouteSchema({
    summary: 'Ask for a mail with which to set a new password',
    description: 'The same answer for every address. At most one mail in two minutes, and six in an hour.',
    operationId: 'askForPasswordReset',
    tags: ['account'],
    body: EmailBody,
    response: { 202: Accepted, ...problemResponses(tooManyAttempts, serviceUnavailable) },
  })
  askForPasswordReset(@Body() { email }: EmailBody, @Client() client: ClientInfo): Promise<void> {
    return this.asking.askForMail('password_reset', email, client);
  }

  @Post('users/me/email')
  @HashesPassword()
  @HttpCode(202)
  @RouteSchema({
    summary: 'Ask for another address',
    description:
      'It changes when the new address is confirmed by the link of a mail. The same answer where the address is taken, whose owner is told.',
    operationId: 'askForEmailChange',
    tags: ['account'],
    body: EmailChangeBody,
    response: { 202: Accepted, ...problemResponses(credentialsInvalid, tooManyAttempts, serviceUnavailable) },
  })
  askForEmailChange(
    @CurrentUser() user: Principal,
    @Body() body: EmailChangeBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    return this.changes.requestEmailChange(user, body, client, disconnected);
  }
}
