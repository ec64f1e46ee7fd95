import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { HashesPassword, Public } from '../access/route-access.decorators.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { Accepted } from '../http/no-content.schema.js';
import { passwordProblems } from '../passwords/passwords.problems.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { problemResponses } from '../problems/problem-responses.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { RegistrationService } from '../users/registration.service.js';
import { RegisterBody } from './auth.schemas.js';

/** `REGISTRATION=verified`. */
@Controller('v1/auth')
export class VerifiedRegistrationController {
  constructor(private readonly registration: RegistrationService) {}

  @Post('register')
  @Public()
  @HashesPassword()
  @HttpCode(202)
  @RouteSchema({
    summary: 'Register an address and a password',
    description:
      'A mail leads to the confirmation, which makes the user. The same answer where the address has a user, who is told.',
    operationId: 'register',
    tags: ['auth'],
    body: RegisterBody,
    response: {
      202: Accepted,
      ...problemResponses(tooManyAttempts, ...passwordProblems, serviceUnavailable),
    },
  })
  register(
    @Body() body: RegisterBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<void> {
    return this.registration.requestRegistration(body, client, disconnected);
  }
}
