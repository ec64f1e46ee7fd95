import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerResponse } from 'node:http';
import { onceAborted } from '../config/abort-signals.js';
import { ShutdownAnnouncement } from '../config/shutdown-announcement.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { AccessTokenVerifier, type HeldCredential } from './access-token.verifier.js';
import { unsharedProblem } from './access.problems.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Set by the authentication hook. */
    readonly endedSignals: EndedSignals;
  }
}

/** How often the credentials of requests in progress are checked. A thousand of them cost 0.4 ms. */
const CHECK_INTERVAL_MS = 100;
/** How long an answer that has begun may go on after its signal, for its last words. */
const LAST_WORDS_MS = 250;

interface RequestInProgress {
  readonly controller: AbortController;
  /** Undefined for a request without a credential of ours. */
  readonly credential: HeldCredential | undefined;
  readonly reply: FastifyReply;
}

/**
 * Signals of requests whose handlers asked for one, until they are answered. They are kept in a set that is checked as a
 * whole: a credential may end for reasons that have no event, such as its expiry.
 */
@Injectable()
export class EndedSignals {
  readonly #inProgress = new Set<RequestInProgress>();
  readonly #signals = new WeakMap<FastifyRequest, AbortSignal>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly verifier: AccessTokenVerifier,
    private readonly shutdown: ShutdownAnnouncement,
  ) {
    onceAborted(shutdown.signal, () => this.#check());
  }

  /** The requests whose signal has neither aborted nor been forgotten. */
  get size(): number {
    return this.#inProgress.size;
  }

  /**
   * Aborts with a problem as its reason when the request's credential would be refused or the process shuts down, and
   * when the client disconnects. An answer that has begun is cut off shortly afterwards, and so is a stream that begins then. Of a request that would be refused
   * already, it aborts at the next check and not before, so that the handler can listen to it.
   */
  signalFor(request: FastifyRequest, reply: FastifyReply): AbortSignal {
    const known = this.#signals.get(request);
    if (known !== undefined) return known;
    const controller = new AbortController();
    this.#signals.set(request, controller.signal);
    const { raw } = reply;
    if (raw.destroyed) {
      controller.abort();
      return controller.signal;
    }
    const inProgress = { controller, credential: this.#credentialOf(request), reply };
    this.#add(inProgress);
    raw.once('close', () => {
      this.#remove(inProgress);
      if (!raw.writableFinished) controller.abort();
    });
    return controller.signal;
  }

  #credentialOf({ user }: FastifyRequest): HeldCredential | undefined {
    return user === undefined ? undefined : this.verifier.holdCredential(user);
  }

  #add(inProgress: RequestInProgress): void {
    this.#inProgress.add(inProgress);
    this.#timer ??= setInterval(() => this.#check(), CHECK_INTERVAL_MS).unref();
  }

  #remove(inProgress: RequestInProgress): void {
    this.#inProgress.delete(inProgress);
    if (this.#inProgress.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const isShuttingDown = this.shutdown.signal.aborted;
    for (const inProgress of this.#inProgress) {
      const { credential } = inProgress;
      const problem = isShuttingDown
        ? serviceUnavailable()
        : credential && this.verifier.problemOfHeldCredential(credential);
      if (problem !== undefined) this.#end(inProgress, problem);
    }
  }

  #end(inProgress: RequestInProgress, problem: Problem): void {
    this.#remove(inProgress);
    cutOff(inProgress.reply.raw);
    inProgress.controller.abort(unsharedProblem(problem));
  }
}

/**
 * Cuts off an answer that goes on. One that has not begun may begin as a stream, which nothing else would end: a handler
 * that only listens to the signal has missed it. An answer that its handler has written whole is left to its client.
 */
function cutOff(raw: ServerResponse): void {
  if (raw.headersSent) {
    cutOffSoon(raw);
    return;
  }
  const timer = setInterval(() => {
    if (!raw.headersSent) return;
    clearInterval(timer);
    if (!raw.writableEnded) cutOffSoon(raw);
  }, CHECK_INTERVAL_MS).unref();
  raw.once('close', () => clearInterval(timer));
}

function cutOffSoon(raw: ServerResponse): void {
  setTimeout(() => {
    if (!raw.writableFinished) raw.socket?.resetAndDestroy();
  }, LAST_WORDS_MS).unref();
}
