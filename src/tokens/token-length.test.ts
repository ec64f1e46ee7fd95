import { generateKeyPairSync, randomUUID, createSecretKey, randomBytes } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { expect, it } from 'vitest';
import type { Config } from '../config/config.js';
import { AccessTokenIssuer } from './access-token-issuer.js';
import type { KeyRing } from './key-ring.js';
import { longestToken } from './token-length.js';

const KEYS = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  HS256: createSecretKey(randomBytes(32)),
};

it.each(Object.entries(KEYS))(
  'the longest token reckoned for %s is as long as the longest that is issued',
  (name, privateKey) => {
    const alg = name as keyof typeof KEYS;
    const config = {
      issuer: 'https://accounts.example.com',
      audience: 'https://ä.example.com',
      accessTokenTtlSeconds: 900,
    };
    const signingKey = { kid: 'k'.repeat(43), alg, privateKey };
    const issuer = new AccessTokenIssuer(config as Config, new JwtService({}), { signingKey } as unknown as KeyRing);
    const claims = { plan: 'pro', limits: [1, 2, 3] };
    const user = {
      id: randomUUID(),
      email: 'ada@example.com',
      emailVerified: true,
      roles: ['admin', 'editor'],
      version: 2_147_483_647,
      claims,
    };
    const { accessToken } = issuer.issueAccessToken(user, randomUUID());
    const content = {
      ...config,
      alg,
      email: user.email,
      roles: user.roles,
      claimsBytes: JSON.stringify(claims).length,
    };
    const longest = longestToken(content);
    expect(longest).toBeGreaterThanOrEqual(accessToken.length);
    expect(longest - accessToken.length).toBeLessThan(5);
  },
);
