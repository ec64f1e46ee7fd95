import { MAX_ACCESS_TOKEN_TTL_SECONDS } from '../config/settings.js';

/**
 * How long a revocation is kept: the longest life of an access token (an hour), a minute of tolerance and two minutes
 * of clock difference between issuer and verifier, then those three minutes once more as a margin.
 */
export const REVOCATION_LIFE_SECONDS = MAX_ACCESS_TOKEN_TTL_SECONDS + 2 * 180;
