import { handleDatabaseError } from '@medspa/database';
import pino, { type DestinationStream } from 'pino';

/**
 * The only things a log line can hold. Ids, classes, counts and times: there is no field that a patient's value fits, and
 * what is not listed here is dropped.
 */
export type LogFields = {
  requestId?: string;
  method?: string;
  /** the route's pattern, never the address */
  route?: string;
  status?: number;
  slug?: string;
  millis?: number;
  organizationId?: string;
  actorId?: string;
  job?: string;
  jobId?: string;
  attempt?: number;
  /** class of an error: its name, or the kind of a database error */
  kind?: string;
  code?: string;
  constraint?: string;
  /** where an error was thrown: frames without its message */
  at?: string[];
  /** a statement's text with its parameters as $1, $2 */
  statement?: string;
  state?: string;
  signal?: string;
  count?: number;
  address?: string;
  setting?: string;
};

const FIELDS: ReadonlySet<string> = new Set<keyof LogFields>([
  'requestId',
  'method',
  'route',
  'status',
  'slug',
  'millis',
  'organizationId',
  'actorId',
  'job',
  'jobId',
  'attempt',
  'kind',
  'code',
  'constraint',
  'at',
  'statement',
  'state',
  'signal',
  'count',
  'address',
  'setting',
]);

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export type Log = Record<'debug' | 'info' | 'warn' | 'error', (event: LogEvent, fields?: LogFields) => void> & { flush: () => void };

/** What can happen that a log tells of. A constant per event, so that a value cannot slip into the message. */
type LogEvent =
  | 'request'
  | 'request failed'
  | 'query'
  | 'prisma'
  | 'transaction retried'
  | 'database breaker'
  | 'connection discarded'
  | 'job done'
  | 'job failed'
  | 'job queue'
  | 'setting'
  | 'listening'
  | 'stopping'
  | 'stopped'
  | 'unhandled';

/** A log that writes JSON lines to the stream. */
export function createLog(level: LogLevel, stream: DestinationStream & { flushSync?: () => void } = pino.destination(1)): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    stream,
  );
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (event: LogEvent, fields: LogFields = {}) => {
      if (logger.isLevelEnabled(at)) logger[at](Object.fromEntries(Object.entries(fields).filter(([name]) => FIELDS.has(name))), event);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), flush: () => stream.flushSync?.() };
}

/** What a log may tell of an error: its class and where it came from, never its message, which may quote values. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { kind: typeof error };
  const at = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 12)
    .map((line) => line.trim());
  const report = handleDatabaseError(error);
  if (!report) return { kind: error.name, at };
  return {
    kind: report.kind,
    ...(report.code === undefined ? {} : { code: report.code }),
    ...(report.constraint === undefined ? {} : { constraint: report.constraint }),
    at,
  };
}
