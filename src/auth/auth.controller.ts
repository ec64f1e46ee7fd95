import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { tokenMissing } from '../access/access.problems.js';
import {
  CountsAsLogin,
  BearerOrBody,
  CurrentUser,
  OptionalUser,
  Public,
  HashesPassword,
} from '../access/route-access.decorators.js';
import { LoginCounter } from '../access/login-counter.js';
import { expiryText, type Principal } from '../access/principal.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { refreshTokenProblems } from '../sessions/refresh-token.problems.js';
import { credentialsInvalid } from '../users/users.problems.js';
import { ClientDisconnect } from '../http/client-disconnect.decorator.js';
import { NoContent } from '../http/no-content.schema.js';
import { problemResponses } from '../problems/problem-responses.js';
import { Client, type ClientInfo } from '../http/client-info.js';
import {
  DEFAULT_LOGOUT_SCOPE,
  LoginBody,
  LoginResponse,
  LogoutBody,
  LogoutQuery,
  PrincipalView,
  RefreshBody,
  TokenResponse,
} from './auth.schemas.js';
import { tokenResponse } from './issued-tokens.js';
import { LoginService } from './login.service.js';
import { LogoutService } from './logout.service.js';
import { TokenRefreshService } from './token-refresh.service.js';
import { UnknownDevicesService } from './unknown-devices.service.js';

@Controller('v1/auth')
export class AuthController {
  constructor(
    private readonly logins: LoginService,
    private readonly loginOutcomes: LoginCounter,
    private readonly refreshes: TokenRefreshService,
    private readonly logouts: LogoutService,
    private readonly unknownDevices: UnknownDevicesService,
  ) {}

  @Post('login')
  @Public()
  @HashesPassword()
  @CountsAsLogin()
  @HttpCode(200)
  @RouteSchema({
    summary: 'Start a session and get its tokens',
    operationId: 'login',
    tags: ['auth'],
    body: LoginBody,
    response: { 200: LoginResponse, ...problemResponses(credentialsInvalid, tooManyAttempts, serviceUnavailable) },
  })
  async login(
    @Body() body: LoginBody,
    @Client() client: ClientInfo,
    @ClientDisconnect() disconnected: AbortSignal,
  ): Promise<LoginResponse> {
    const tokens = await this.loginOutcomes.countOutcome(this.logins.logIn(body, client, disconnected));
    const { deviceToken, started } = tokens;
    this.unknownDevices.tellOfLogin(started, client);
    return { ...tokenResponse(tokens), ...(deviceToken !== undefined && { deviceToken }) };
  }

  @Post('refresh')
  @Public()
  @HttpCode(200)
  @RouteSchema({
    summary: 'Exchange a refresh token for new tokens',
    operationId: 'refresh',
    tags: ['auth'],
    body: RefreshBody,
    response: {
      200: TokenResponse,
      ...problemResponses(...refreshTokenProblems, tooManyAttempts, serviceUnavailable),
    },
  })
  async refresh(@Body() body: RefreshBody, @Client() client: ClientInfo): Promise<TokenResponse> {
    return tokenResponse(await this.refreshes.refreshTokens(body.refresh_token, client));
  }

  @Post('logout')
  @BearerOrBody()
  @HttpCode(204)
  @RouteSchema({
    summary: 'End this session, the others, or all',
    description:
      'By access token, or by a refresh token in the body; where both are sent the body decides, whatever the header says.',
    operationId: 'logout',
    tags: ['auth'],
    querystring: LogoutQuery,
    body: LogoutBody,
    response: {
      204: NoContent,
      ...problemResponses(tokenMissing, ...refreshTokenProblems, tooManyAttempts, serviceUnavailable),
    },
  })
  async logout(
    @OptionalUser() caller: Principal | undefined,
    @Query() { scope = DEFAULT_LOGOUT_SCOPE }: LogoutQuery,
    @Body() body: LogoutBody | undefined,
    @Client() client: ClientInfo,
  ): Promise<void> {
    await this.logouts.logOut({ caller, refreshToken: body?.refresh_token }, scope, client);
  }

  @Get('me')
  @RouteSchema({
    summary: 'The caller, from the access token alone',
    operationId: 'me',
    tags: ['auth'],
    response: { 200: PrincipalView },
  })
  me(@CurrentUser() user: Principal): PrincipalView {
    const { kind, userId, email, roles, sessionId } = user;
    return { kind, userId, email, roles: [...roles], sessionId, expiresAt: expiryText(user) };
  }
}
