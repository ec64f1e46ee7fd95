import { Body, Controller, HttpCode, Post, Req } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { tokenMissing } from '../access/access.problems.js';
import '../access/principal.js';
import { BearerOrBody, HashesPassword, Public } from '../access/route-access.decorators.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { NoContent } from '../http/no-content.schema.js';
import { problemResponses } from '../problems/problem-responses.js';
import { credentialsInvalid, emailTaken } from '../users/users.problems.js';
import { EmailConfirmationBody, LinkBody } from './account.schemas.js';
import { EmailChangeService } from './email-change.service.js';
import { EmailConfirmationService } from './email-confirmation.service.js';
import { EmailUndoService } from './email-undo.service.js';
import { LINK_PROBLEMS } from './link-problems.js';

/** What links of mail do to addresses. Always there: an operator may hand out links where there is no mail. */
@Controller('v1/auth')
export class EmailLinksController {
  constructor(
    private readonly confirmation: EmailConfirmationService,
    private readonly changes: EmailChangeService,
    private readonly undo: EmailUndoService,
  ) {}

  @Post('email-verification/confirm')
  @BearerOrBody()
  @HashesPassword()
  @HttpCode(204)
  @RouteSchema({
    summary: 'Confirm an address by the link of a mail',
    description:
      'With the password of the registration, or an access token of the user. Where registrations wait for this (`REGISTRATION=verified`), it makes the user.',
    operationId: 'confirmEmail',
    tags: ['account'],
    body: EmailConfirmationBody,
    response: { 204: NoContent, ...problemResponses(...LINK_PROBLEMS, credentialsInvalid, tokenMissing) },
  })
  confirmEmail(
    @Req() { user: caller, bearerProblem }: FastifyRequest,
    @Body() { token, password }: EmailConfirmationBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    // The client refreshes it, or logs in again.
    if (password === undefined && bearerProblem !== undefined) throw bearerProblem;
    return this.confirmation.confirmEmail({ token, password, caller, client, disconnected });
  }

  @Post('email-change/confirm')
  @Public()
  @HttpCode(204)
  @RouteSchema({
    summary: 'Confirm a new address by the link of a mail',
    description: 'The sessions go on; access tokens are refused as stale, and a refresh gets the next.',
    operationId: 'confirmEmailChange',
    tags: ['account'],
    body: LinkBody,
    response: { 204: NoContent, ...problemResponses(...LINK_PROBLEMS, emailTaken) },
  })
  confirmEmailChange(@Body() { token }: LinkBody, @Client() client: ClientInfo): Promise<void> {
    return this.changes.changeEmail(token, client);
  }

  @Post('email-change/undo')
  @Public()
  @HttpCode(204)
  @RouteSchema({
    summary: 'Undo or cancel a change of address by the link of a mail',
    description:
      'Brings the old address back, ends all sessions and makes the password useless; a mail leads to a new password.',
    operationId: 'undoEmailChange',
    tags: ['account'],
    body: LinkBody,
    response: { 204: NoContent, ...problemResponses(...LINK_PROBLEMS) },
  })
  undoEmailChange(@Body() { token }: LinkBody, @Client() client: ClientInfo): Promise<void> {
    return this.undo.undoEmailChange(token, client);
  }
}
