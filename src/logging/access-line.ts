import { hostname } from 'node:os';
import { redactLine } from './redaction.js';
import { utcTimeText } from './utc-time-text.js';

/** What an access line says of a request. */
export interface AnsweredRequest {
  readonly id: string;
  readonly method: string;
  /** The route's pattern; empty where there is none. */
  readonly route: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly ip: string | undefined;
}

const HUNDREDTHS = Array.from({ length: 100 }, (_, value) => String(value / 100).slice(1));

/** A UUID or an IP address, or like them; shorter than what redaction takes for a token. */
const PLAIN = /^[\da-f:.-]{1,43}$/;

/**
 * Makes access lines: byte for byte what pino prints for them and redaction leaves of it, in a quarter of the time. Every
 * member is chosen here and is either of a form that needs neither escaping nor redaction, or gets both.
 */
export class AccessLines {
  readonly #afterTime = redactLine(`","pid":${process.pid},"hostname":${JSON.stringify(hostname())},"reqId":`);
  /** By route and method, of which an application has a limited number. */
  readonly #routes = new Map<string, Map<string, string>>();

  lineOf({ id, method, route, status, milliseconds, ip }: AnsweredRequest): string {
    const address = ip === undefined ? '' : `,"ip":${jsonText(ip)}`;
    return `{"level":30,"time":"${utcTimeText()}${this.#afterTime}${jsonText(id)}${this.#routeMembers(method, route)}${status},"milliseconds":${roundedText(milliseconds)}${address},"msg":"request"}\n`;
  }

  #routeMembers(method: string, route: string): string {
    const methods = this.#routes.get(route) ?? new Map<string, string>();
    if (methods.size === 0) this.#routes.set(route, methods);
    const known = methods.get(method);
    if (known !== undefined) return known;
    const members = redactLine(`,"method":${JSON.stringify(method)},"route":${JSON.stringify(route)},"status":`);
    methods.set(method, members);
    return members;
  }
}

/** Rounded to hundredths. */
function roundedText(milliseconds: number): string {
  const hundredths = Math.round(milliseconds * 100);
  const rest = hundredths % 100;
  return `${(hundredths - rest) / 100}${HUNDREDTHS[rest]}`;
}

function jsonText(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : redactLine(JSON.stringify(text));
}
