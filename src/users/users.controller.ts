import { Controller, Get } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { Principal } from '../access/principal.js';
import { CurrentUser } from '../access/route-access.decorators.js';
import { serviceUnavailable } from '../problems/framework.problems.js';
import { problemResponses } from '../wire/problem-responses.js';
import { UserView } from './user-view.js';
import { userNotFound } from './users.problems.js';
import { UsersService } from './users.service.js';

@Controller('v1/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get('me')
  @RouteSchema({
    summary: 'The caller as the database has them',
    operationId: 'getUser',
    tags: ['users'],
    response: { 200: UserView, ...problemResponses(userNotFound, serviceUnavailable) },
  })
  me(@CurrentUser() user: Principal): Promise<UserView> {
    return this.users.get(user.userId);
  }
}
