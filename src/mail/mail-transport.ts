import type { MailMessage } from './mail-message.js';

/** Where mail goes. */
export interface MailTransport {
  /**
   * @returns what has become of it, for an operator
   * @throws {MailError} where it was not accepted
   */
  sendMail(message: MailMessage): Promise<string>;
  /** Closes its connections: an idle one would keep the process alive. */
  close(): void;
}
