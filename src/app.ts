import { Global, Module, type DynamicModule, type Type } from '@nestjs/common';
import { APP_FILTER, DiscoveryService, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { LogController } from 'fastify';
import { readFileSync } from 'node:fs';
import { authenticationProblems } from './access/access.problems.js';
import { AddressLimit } from './access/address-limit.js';
import { AccountPagesModule } from './account-pages/account-pages.module.js';
import { AuthenticationHook } from './access/authentication.hook.js';
import { describeRules, ruleProblems } from './access/route-rules.js';
import { AccountRoutesModule } from './account/account-routes.module.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { RegistrationModule } from './auth/registration.module.js';
import { bodiesWithProfile } from './auth/profile-schema.js';
import { ConfigModule } from './config/config.module.js';
import type { Config } from './config/config.js';
import { BackgroundJobs } from './jobs/background-jobs.js';
import { JobsModule } from './jobs/jobs.module.js';
import { DatabaseModule } from './database/database.module.js';
import { translateDatabaseError } from './database/database-errors.js';
import { GracefulShutdown } from './health/graceful-shutdown.js';
import { HealthModule } from './health/health.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { RequestMetrics } from './metrics/request.metrics.js';
import { PasswordsService } from './passwords/passwords.service.js';
import { ProblemFilter } from './problems/problem.filter.js';
import { RateLimitsModule } from './rate-limits/rate-limits.module.js';
import { ApplicationStrategies } from './access/application-strategies.js';
import { RouteRateLimitsHook } from './access/route-rate-limits.hook.js';
import { RouteSettingsCheck } from './access/route-settings.check.js';
import { HashAdmissionHook } from './access/hash-admission.hook.js';
import { registerSwaggerUi } from './openapi/swagger-ui.js';
import { standardOutputLog } from './logging/buffered-log-output.js';
import { logOptions, type LogStream } from './logging/log-options.js';
import { registerOpenApi } from './openapi/openapi-document.js';
import { openApiInfo, type OpenApiInfo } from './openapi/openapi-info.js';
import { NestLogger } from './logging/nest-logger.js';
import { countResponses } from './http/response-counts.js';
import { registerAccessLog } from './logging/access-log.js';
import type { PrimaryLink } from './workers/primary-link.js';
import { bindHooks, type ApplicationHooks, type BoundHooks, type Providers } from './users/application-hooks.js';
import { ApplicationHooksModule } from './users/application-hooks.module.js';
import { deletedCallerProblem } from './users/deleted-caller.js';
import { Users } from './users/users.js';
import { UsersModule } from './users/users.module.js';
import { UsersRoutesModule } from './users/users-routes.module.js';
import { WorkersModule } from './workers/workers.module.js';
import { HttpAdapter } from './http/adapter.js';
import { replaceBodySchemas } from './http/body-schemas.js';
import { CLIENT_TIMEOUTS } from './http/client-timeouts.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http/http-server.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** What an application adds to Gatehouse. */
export interface ApplicationOptions extends ApplicationHooks {
  /** Title of the OpenAPI document and of its page. */
  readonly name?: string;
  /** What else the OpenAPI document says of the application. Without a version it has that of Gatehouse. */
  readonly openApi?: OpenApiInfo;
  /**
   * JSON Schema of the users' profiles, of an object, for registration and `PATCH /v1/users/me`. Without it a profile is any object. In
   * either case it has at most 4096 bytes as JSON. Profiles that are in the database already are not checked.
   */
  readonly profile?: object;
  /** Your own modules; their routes need a token unless they are `@Public()`. */
  readonly features?: readonly Type[];
}

/** The process in which the application runs. */
interface AppProcess {
  readonly log?: LogStream;
  /** Of a worker. */
  readonly primary?: PrimaryLink | undefined;
}

/** What a module of an application may inject without importing a module of ours. */
@Global()
@Module({
  imports: [DatabaseModule, JobsModule, AuditModule, RateLimitsModule, UsersModule],
  exports: [DatabaseModule, JobsModule, AuditModule, RateLimitsModule, UsersModule],
})
class ApplicationServicesModule {}

@Module({})
class AppModule {
  static of(config: Config, hooks: BoundHooks, features: readonly Type[] = [], primary?: PrimaryLink): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forConfig(config),
        WorkersModule.forProcess(primary),
        ApplicationHooksModule.forHooks(hooks),
        AuthModule,
        RegistrationModule.forMode(config.registration),
        AccountRoutesModule.forConfig(config),
        AccountPagesModule,
        UsersRoutesModule,
        HealthModule,
        MetricsModule,
        ApplicationServicesModule,
        ...features,
      ],
      // Of the first module, and so asked last: an application's own APP_FILTER comes before it.
      providers: [{ provide: APP_FILTER, useFactory: problemFilter, inject: [Users] }],
    };
  }
}

function problemFilter(users: Users): ProblemFilter {
  return new ProblemFilter(translateDatabaseError, (error, request) => deletedCallerProblem(error, request, users));
}

/**
 * Builds the application without listening; the database must be running and migrated. The steps below are in the
 * order in which a request passes them: HTTP checks (with the rate limit of its address), authentication hook, hash
 * admission hook, handler, filter.
 */
export async function createApp(
  config: Config,
  options: ApplicationOptions = {},
  { log = standardOutputLog(), primary }: AppProcess = {},
): Promise<NestFastifyApplication> {
  let addressLimit: AddressLimit | undefined;
  const { issuer, trustedProxies, corsOrigins } = config;
  const http = prepareHttp({
    https: issuer.startsWith('https:'),
    trustedProxies,
    corsOrigins,
    countRequest: (request) => addressLimit?.countRequest(request),
  });
  const adapter = new HttpAdapter({
    ...httpServerOptions(http, { ...CLIENT_TIMEOUTS, requestMs: config.requestTimeoutSeconds * 1000 }),
    // There is no Nest middleware; looking for it would cost every request.
    skipMiddie: true,
    logger: logOptions(config.logLevel, log),
    logController: new LogController({ disableRequestLogging: true }),
  });
  const fastify = adapter.getInstance();
  const { features, claims, onRegistered, profile } = options;
  const providers: Providers = { get: (token) => app.get(token, { strict: false }) };
  const module = AppModule.of(config, bindHooks({ claims, onRegistered }, providers), features, primary);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: new NestLogger(fastify.log),
    abortOnError: false,
  });
  // Not awaited yet: the thread starts while the application is built.
  const passwordsPrepared = app.get(PasswordsService, { strict: false }).prepare();
  passwordsPrepared.catch(() => undefined);
  adapter.nameModulesBy(() => modulesWithMiddleware(app.get(DiscoveryService, { strict: false })));
  try {
    const shutdown = app.get(GracefulShutdown, { strict: false });
    if (profile !== undefined) replaceBodySchemas(fastify, bodiesWithProfile(profile));
    registerHttp(fastify, http, { isShuttingDown: () => shutdown.isShuttingDown });
    registerAccessLog(fastify, log);
    if (config.metricsPort !== undefined)
      app.get(RequestMetrics, { strict: false }).addRequestCounts(countResponses(fastify));
    const limit = app.get(AddressLimit);
    await limit.prepareCounter(fastify);
    addressLimit = limit;
    if (config.docs) {
      const info = openApiInfo(version, options);
      const routeLimits = app.get(RouteRateLimitsHook);
      const hookProblems = (route: unknown) => [
        ...limit.problemsOfRoute(route),
        ...routeLimits.problemsOfRoute(route),
        ...ruleProblems(route),
      ];
      const securitySchemeOf = (strategy: string) => app.get(ApplicationStrategies).securitySchemeOf(strategy);
      const access = { authenticationProblems, securitySchemeOf, hookProblems, describeAccess: describeRules };
      await registerOpenApi(fastify, { ...info, ...access });
      await registerSwaggerUi(fastify, info.title);
    }
    app.get(AuthenticationHook).addAuthenticationHook(fastify);
    const routeSettings = app.get(RouteSettingsCheck);
    routeSettings.collectRoutes(fastify);
    app.get(HashAdmissionHook).addHashAdmissionHook(fastify);
    app.get(RouteRateLimitsHook).addRateLimitsHook(fastify);
    await app.init();
    await passwordsPrepared;
    await fastify.ready();
    routeSettings.requireDeclaredSettings();
    app.get(ApplicationStrategies).requireNamedStrategies();
    for (const { setting, reason } of config.warnings) fastify.log.warn({ event: 'setting_adjusted', setting }, reason);
    await app.get(BackgroundJobs, { strict: false }).startJobs();
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** The names of the modules that have `configure`: a module is among its own providers. */
function modulesWithMiddleware(discovery: DiscoveryService): string[] {
  const modules = discovery.getProviders().filter(({ metatype, host }) => metatype === host?.metatype);
  return modules.filter(({ instance }) => hasConfigure(instance)).map(({ name }) => String(name));
}

function hasConfigure(module: unknown): boolean {
  return typeof (module as { configure?: unknown } | undefined)?.configure === 'function';
}
