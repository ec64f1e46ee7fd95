import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { JwtAuthGuard } from '../access/jwt-auth.guard.js';
import type { Principal } from '../access/principal.js';
import { CurrentUser, Public } from '../access/route-access.decorators.js';
import { passwordProblems } from '../passwords/password-policy.js';
import { serviceUnavailable } from '../problems/framework.problems.js';
import { UserView } from '../users/user-view.js';
import { credentialsInvalid, emailTaken } from '../users/users.problems.js';
import { UsersService } from '../users/users.service.js';
import { problemResponses } from '../wire/problem-responses.js';
import { LoginBody, PrincipalView, RegisterBody, TokenResponse } from './auth.messages.js';
import { AuthService } from './auth.service.js';

@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly users: UsersService,
  ) {}

  @Post('register')
  @Public()
  @RouteSchema({
    summary: 'Register an address and a password',
    operationId: 'register',
    tags: ['auth'],
    body: RegisterBody,
    response: { 201: UserView, ...problemResponses(emailTaken, ...passwordProblems, serviceUnavailable) },
  })
  register(@Body() { email, password }: RegisterBody): Promise<UserView> {
    return this.users.register(email, password);
  }

  @Post('login')
  @Public()
  @HttpCode(200)
  @RouteSchema({
    summary: 'Start a session and get its access token',
    operationId: 'login',
    tags: ['auth'],
    body: LoginBody,
    response: { 200: TokenResponse, ...problemResponses(credentialsInvalid, serviceUnavailable) },
  })
  async login(@Body() body: LoginBody): Promise<TokenResponse> {
    const { accessToken, expiresInSeconds } = await this.auth.login(body);
    return { access_token: accessToken, token_type: 'Bearer', expires_in: expiresInSeconds };
  }

  @Get('me')
  @UseGuards(JwtAuthGuard)
  @RouteSchema({
    summary: 'The caller, from the access token alone',
    operationId: 'me',
    tags: ['auth'],
    response: { 200: PrincipalView },
  })
  me(@CurrentUser() { userId, email, sessionId, expiresAt }: Principal): PrincipalView {
    return { userId, email, sessionId, expiresAt: expiresAt.toISOString() };
  }
}
