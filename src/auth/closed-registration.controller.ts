import { Controller, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Public } from '../access/route-access.decorators.js';
import { problemResponses } from '../problems/problem-responses.js';
import { registrationClosed } from '../users/users.problems.js';
import { RegisterBody } from './auth.schemas.js';

/** `REGISTRATION=closed`. */
@Controller('v1/auth')
export class ClosedRegistrationController {
  @Post('register')
  @Public()
  @RouteSchema({
    summary: 'Refused: an operator invites users',
    operationId: 'register',
    tags: ['auth'],
    body: RegisterBody,
    response: { ...problemResponses(registrationClosed) },
  })
  register(): never {
    throw registrationClosed();
  }
}
