import { Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { ClientInfo } from '../http/client-info.js';
import { networkOf } from '../http/client-network.js';
import { MailService } from '../mail/mail.service.js';
import type { StartedLogin } from './login.service.js';

const REMEMBERED_DAYS = 30;

/** Tells a user of a login from a device and a network that are new to the account; never of the first login. */
@Injectable()
export class UnknownDevicesService {
  readonly #log = new Logger('Mail');

  constructor(
    private readonly audit: AuditService,
    private readonly mail: MailService,
  ) {}

  /** The answer does not wait for it. Failures are logged. */
  tellOfLogin(login: StartedLogin, client: ClientInfo): void {
    if (login.isKnownDevice || !this.mail.isTold('unknown_device')) return;
    this.#tellIfUnknown(login, client).catch((error: unknown) => {
      this.#log.warn({ event: 'notice_failed', userId: login.userId, err: error });
    });
  }

  async #tellIfUnknown({ userId, sessionId }: StartedLogin, client: ClientInfo): Promise<void> {
    const addresses = await this.audit.listLoginAddresses(userId, { except: sessionId, days: REMEMBERED_DAYS });
    const network = networkOf(client.address);
    if (addresses.length === 0 || addresses.some((address) => networkOf(address) === network)) return;
    await this.mail.queueUnknownDevice(userId, client);
  }
}
