import { Body, Controller, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { HashesPassword, Public } from '../access/route-access.decorators.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import { passwordProblems } from '../passwords/passwords.problems.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { problemResponses } from '../problems/problem-responses.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { RegistrationService } from '../users/registration.service.js';
import { UserView } from '../users/user-view.schema.js';
import { emailTaken } from '../users/users.problems.js';
import { RegisterBody } from './auth.schemas.js';

@Controller('v1/auth')
export class RegistrationController {
  constructor(private readonly registration: RegistrationService) {}

  @Post('register')
  @Public()
  @HashesPassword()
  @RouteSchema({
    summary: 'Register an address and a password',
    operationId: 'register',
    tags: ['auth'],
    body: RegisterBody,
    response: {
      201: UserView,
      ...problemResponses(emailTaken, tooManyAttempts, ...passwordProblems, serviceUnavailable),
    },
  })
  register(
    @Body() body: RegisterBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<UserView> {
    return this.registration.registerUser(body, client, disconnected);
  }
}
