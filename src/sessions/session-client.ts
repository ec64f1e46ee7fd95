import { truncateUserAgent, type ClientInfo } from '../http/client-info.js';
import { networkOf } from '../http/client-network.js';

/** The user agent and network that started a session, by which its owner recognises it. */
export interface SessionClient {
  readonly userAgent: string | null;
  readonly network: string | null;
}

export function sessionClientOf({ userAgent, address }: Pick<ClientInfo, 'userAgent' | 'address'>): SessionClient {
  return { userAgent: truncateUserAgent(userAgent), network: networkOf(address) };
}
