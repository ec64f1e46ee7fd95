import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { HashesPassword, Public } from '../access/route-access.decorators.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { NoContent } from '../http/no-content.schema.js';
import { passwordProblems } from '../passwords/passwords.problems.js';
import { problemResponses } from '../problems/problem-responses.js';
import { checkStoredJson } from '../users/stored-json.js';
import { InvitationBody } from '../users/users.schemas.js';
import { PasswordResetBody } from './account.schemas.js';
import { InvitationAcceptanceService } from './invitation-acceptance.service.js';
import { LINK_PROBLEMS } from './link-problems.js';
import { NewPasswordService } from './new-password.service.js';
import { PasswordResetService } from './password-reset.service.js';

/** Passwords that the owner of a link chooses. Always there: an operator may hand out links where there is no mail. */
@Controller('v1/auth')
export class PasswordLinksController {
  constructor(
    private readonly newPasswords: NewPasswordService,
    private readonly reset: PasswordResetService,
    private readonly invitations: InvitationAcceptanceService,
  ) {}

  @Post('password-reset/confirm')
  @Public()
  @HashesPassword()
  @HttpCode(204)
  @RouteSchema({
    summary: 'Set a new password by the link of a mail',
    description: 'Proves the address, ends all sessions and signs nobody in.',
    operationId: 'confirmPasswordReset',
    tags: ['account'],
    body: PasswordResetBody,
    response: { 204: NoContent, ...problemResponses(...LINK_PROBLEMS, ...passwordProblems) },
  })
  async resetPassword(
    @Body() { token, newPassword }: PasswordResetBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    const chosen = await this.newPasswords.hashNewPassword('password_reset', token, newPassword, {
      client,
      disconnected,
    });
    await this.reset.resetPassword(chosen, client);
  }

  @Post('invitation/accept')
  @Public()
  @HashesPassword()
  @HttpCode(204)
  @RouteSchema({
    summary: 'Accept an invitation with a first password',
    operationId: 'acceptInvitation',
    tags: ['account'],
    body: InvitationBody,
    response: { 204: NoContent, ...problemResponses(...LINK_PROBLEMS, ...passwordProblems) },
  })
  async acceptInvitation(
    @Body() { token, password, profile }: InvitationBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    if (profile !== undefined) checkStoredJson(profile, '/profile');
    const chosen = await this.newPasswords.hashNewPassword('invitation', token, password, { client, disconnected });
    await this.invitations.acceptInvitation(chosen, profile, client);
  }
}
