import type { NodemailerError } from 'nodemailer';

/** A mail that was not accepted. Its message names no recipient. */
export class MailError extends Error {
  override readonly name = 'MailError';

  constructor(
    message: string,
    /** Whether the server would refuse this mail again (RFC 5321 section 4.2.1: 5yz); false for trouble with the server itself. */
    readonly isFinal: boolean,
    /** Whether it is final for every mail to the recipient. */
    readonly isOfRecipient: boolean,
    /** The server's reply code and enhanced status (RFC 3463), such as `550 5.1.1`; undefined without a reply. */
    readonly status: string | undefined,
    /** What the server said, on one line; it may name the recipient. */
    readonly reply: string | undefined,
    options: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** @param server such as `mail.example.com:587` */
export function mailErrorOf(error: unknown, server: string): MailError {
  const { code = '', command, responseCode, response = '', permanent = false } = error as NodemailerError;
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
  const status = responseCode === undefined ? undefined : [responseCode, enhanced].join(' ').trim();
  const said = status ?? (UNEXPLAINED.has(code) ? messageOf(error) : undefined);
  const reason = `${reasonOf(code, responseCode, response)}${said === undefined ? '' : ` (${said})`}`;
  // A refusal of the sender, of the login or of this service as a whole (RFC 3463 section 3.8: 5.7) is no fault of the mail or its recipient.
  const isOfService = responseCode === REFUSED_ACCESS || enhanced?.startsWith('5.7.') === true;
  // RFC 3463 section 3.3: 5.2.2. It may be emptied, and a stranger may have filled it.
  const isFull = enhanced === '5.2.2' || (responseCode === MAILBOX_FULL && command === 'RCPT TO');
  const isOfRecipient = permanent && command === 'RCPT TO' && !isOfService && !isFull;
  const isOfMail = permanent && (command === 'DATA' || code === 'EMESSAGE') && !isOfService && !isFull;
  const reply = response === '' ? undefined : response.replaceAll(/[\r\n]+/g, ' ');
  // The message of nodemailer's error ends with the reply, which may name the recipient.
  const options = reply === undefined ? { cause: error } : {};
  return new MailError(
    `The mail server ${server} ${reason}`,
    isOfRecipient || isOfMail,
    isOfRecipient,
    status,
    reply,
    options,
  );
}

const REFUSED_ACCESS = 530;
/** RFC 5321 section 4.2.3: exceeded storage allocation. */
const MAILBOX_FULL = 552;

/** By the codes of nodemailer. */
const REASONS: Readonly<Record<string, string>> = {
  EDNS: 'was not found',
  ESOCKET: 'cannot be used',
  ETIMEDOUT: 'did not answer in time',
  EABORT: 'did not answer in time',
  ECONNECTION: 'closed the connection',
  EPROTOCOL: 'speaks no SMTP',
  ETLS: 'has no usable TLS',
  EAUTH: 'refuses the user name and password of SMTP_URL',
  ENOAUTH: 'needs a user name and a password in SMTP_URL',
};
/** Codes whose message says more: what the system or OpenSSL has said. */
const UNEXPLAINED = new Set(['EDNS', 'ESOCKET', '']);

function reasonOf(code: string, responseCode: number | undefined, response: string): string {
  if (responseCode === REFUSED_ACCESS)
    return response.includes('STARTTLS') ? 'requires TLS: end SMTP_URL with ?tls=on' : (REASONS['ENOAUTH'] ?? '');
  return REASONS[code] ?? (responseCode === undefined ? 'does not work' : refusalOf(responseCode));
}

/** OpenSSL's words for a certificate of an authority that is not known. */
const UNTRUSTED = /self-signed certificate|first certificate|local issuer certificate/;

/** RFC 5321 section 4.2.1: 4yz is a refusal for now. */
function refusalOf(responseCode: number): string {
  return responseCode < 500 ? 'refuses the mail for now' : 'refuses the mail';
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const message = error.message.replaceAll(/\s+/g, ' ').replace(/\.$/, '');
  return UNTRUSTED.test(message)
    ? `${message.replace(/; if the root CA .*$/, '')}: NODE_EXTRA_CA_CERTS names the certificate of an authority of your own`
    : message;
}
