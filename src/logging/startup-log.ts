import { hostname } from 'node:os';
import type { LogStream } from './log-options.js';
import { redactLine } from './redaction.js';

const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const;

/** Writes log lines before the application exists and after it has closed, in the same form. */
export function startupLog(level: string, stream: LogStream): (members: object, severity?: 'info' | 'warn') => void {
  const minimum = LEVELS[level as keyof typeof LEVELS];
  return (members, severity = 'warn') => {
    if (LEVELS[severity] < minimum) return;
    const head = {
      level: LEVELS[severity],
      time: new Date().toISOString(),
      pid: process.pid,
      hostname: hostname(),
    };
    stream.write(`${redactLine(JSON.stringify({ ...head, context: 'Start', ...members }))}\n`);
  };
}
