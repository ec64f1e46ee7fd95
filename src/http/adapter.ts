import { FastifyAdapter } from '@nestjs/platform-fastify';

/**
 * Nest's adapter without its middleware: looking for it would cost every request, and what it answers would have none of
 * our response headers.
 */
export class HttpAdapter extends FastifyAdapter {
  #modulesWithMiddleware: () => readonly string[] = () => [];

  /** Sets how the modules that register middleware are found, for the message. */
  nameModulesBy(modulesWithMiddleware: () => readonly string[]): void {
    this.#modulesWithMiddleware = modulesWithMiddleware;
  }

  /** @throws {Error} where a module applies middleware, which ends the start */
  override createMiddlewareFactory(): never {
    const places = this.#modulesWithMiddleware().map((name) => `${name}.configure()`);
    throw new Error(
      `${places.join(' or ')} applies Nest middleware, which is not loaded: use a guard or an interceptor, or in onModuleInit a hook of Fastify (docs/building-on-it.md, "Guards, pipes, interceptors, filters").`,
    );
  }
}
