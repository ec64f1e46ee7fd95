import { settings } from '../config/settings.js';

/** How long the server waits for a client that sends slowly, in milliseconds. */
export interface ClientTimeouts {
  /** For the header section, from its first byte or from the start of the connection. */
  readonly headersMs: number;
  /** For the whole request, body included; a route may have longer (`bodySeconds`). */
  readonly requestMs: number;
  /** Keep-alive: between two requests of a connection. */
  readonly idleMs: number;
  /** Interval of the check for expired timeouts. */
  readonly checkMs: number;
}

export const CLIENT_TIMEOUTS: ClientTimeouts = {
  headersMs: 5000,
  requestMs: settings.REQUEST_TIMEOUT_SECONDS.fallback * 1000,
  idleMs: 72_000,
  checkMs: 1000,
};
