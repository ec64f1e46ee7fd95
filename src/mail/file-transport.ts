import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mailOptionsOf, type MailMessage, type MailSender } from './mail-message.js';
import { mailFolderOf, removeOldMail } from './mail-files.js';
import type { MailTransport } from './mail-transport.js';

/** Writes mail into files under `DATA_DIR`, for an embedded database: every flow can be tried without a mail server. */
export class FileTransport implements MailTransport {
  readonly #folder: string;

  constructor(
    dataDir: string,
    private readonly sender: MailSender,
  ) {
    this.#folder = mailFolderOf(dataDir);
  }

  async sendMail(message: MailMessage): Promise<string> {
    const { createTransport } = await import('nodemailer');
    const transporter = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
    const { message: bytes } = await transporter.sendMail(mailOptionsOf(message, this.sender));
    await mkdir(this.#folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await removeOldMail(this.#folder);
    // The time of writing for people, without a run as long as a token, which the log would not show.
    const time = new Date().toISOString().replaceAll(/[-:.]/g, '');
    const file = join(this.#folder, `${time}.${message.id}.eml`);
    // Listed once it is complete.
    await writeFile(`${file}.part`, bytes as Buffer, { flag: 'wx', mode: 0o600 });
    await rename(`${file}.part`, file);
    return `There is no mail server (SMTP_URL): it is in ${file}`;
  }

  close(): void {
    // Nothing is open.
  }
}
