import type { LoggerService } from '@nestjs/common';
import type { FastifyBaseLogger } from 'fastify';
import { isError, isObject } from '../config/thrown-text.js';

/** Nest's logger: writes what Nest and our services log outside of a request as JSON lines through Fastify's logger. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: FastifyBaseLogger) {}

  /** Nest logs a string for every module and route it sets up (`debug`); our services log objects (`info`). */
  log(message: unknown, ...rest: unknown[]): void {
    this.#write(isObject(message) ? 'info' : 'debug', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest passes the name of the logging class as the last argument, and an error's stack before it. */
  #write(level: 'debug' | 'info' | 'warn' | 'error' | 'fatal', message: unknown, rest: unknown[]): void {
    const context = rest.at(-1);
    const stack = rest.at(-2);
    if (isError(message)) this.logger[level]({ err: message, context });
    else if (isObject(message)) this.logger[level]({ ...membersOf(message), context });
    else this.logger[level]({ context, stack }, String(message));
  }
}

function membersOf(message: object): object {
  try {
    return { ...message };
  } catch {
    return { err: message };
  }
}
