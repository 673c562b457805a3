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
  | 'slow query'
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
  | 'live calendar'
  | 'data key rotated'
  | 'unhandled';

/** Where a log goes, line by line. */
export type LogStream = DestinationStream & { flushSync?: () => void };

/**
 * A log on the stream: JSON lines, with the nearest frames of an error, or `readable` text for a person who develops, with
 * all of them.
 */
export function createLog(
  level: LogLevel,
  stream: LogStream = pino.destination(1),
  { readable = false }: { readable?: boolean } = {},
): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    readable ? { write: (line: string) => stream.write(readableLine(line)) } : stream,
  );
  const write =
    (at: 'debug' | 'info' | 'warn' | 'error') =>
    (event: LogEvent, fields: LogFields = {}) => {
      if (!logger.isLevelEnabled(at)) return;
      const kept = Object.fromEntries(Object.entries(fields).filter(([name]) => FIELDS.has(name))) as LogFields;
      if (kept.at && !readable) kept.at = nearest(kept.at);
      logger[at](kept, event);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), flush: () => stream.flushSync?.() };
}

/** The few frames that say most: our own, or whose they are when none is ours. */
function nearest(frames: string[]): string[] {
  const own = frames.filter((frame) => !frame.includes('/node_modules/') && !frame.includes(' node:'));
  return (own.length > 0 ? own : frames).slice(0, 3);
}

/** `09:30:12.345 error  request failed  kind=TypeError` and a frame a line. */
function readableLine(line: string): string {
  const { level, time, msg, at = [], ...fields } = JSON.parse(line) as LogFields & { level: string; time: string; msg: string };
  const said = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
  const frames = at.map((frame) => `\n    ${frame}`);
  return `${time.slice(11, 23)} ${level.padEnd(5)}  ${[msg, ...said].join('  ')}${frames.join('')}\n`;
}

/** What a log may tell of an error: its class and where it came from, never its message, which may quote values. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { kind: typeof error };
  const report = handleDatabaseError(error);
  const at = framesOf(error);
  if (!report) return { kind: error.name, at };
  return {
    kind: report.kind,
    ...(report.code === undefined ? {} : { code: report.code }),
    ...(report.constraint === undefined ? {} : { constraint: report.constraint }),
    at,
  };
}

/**
 * Frames of the stack, each made anew of a function's name and a place in our files or Node's. The message stands before
 * them in the same text and may look like a frame, since it may quote what somebody typed: it is cut off, and an error whose
 * message was changed since has no frames.
 */
function framesOf({ stack = '', message }: Error): string[] {
  const header = stack.indexOf(message);
  if (header === -1) return [];
  return stack
    .slice(header + message.length)
    .split('\n')
    .map((line) => FRAME.exec(line)?.groups)
    .flatMap((frame) => (frame ? [`${frame['name'] ?? '(anonymous)'} ${frame['place']}`] : []))
    .slice(0, 12);
}

const FRAME =
  /^ {4}at (?:(?:async )?(?:new )?(?<name>[\w$.<>#]+)(?: \[as [\w$]+\])? \()?(?<place>(?:file:\/\/|node:|\/)[\w@./+-]+:\d+:\d+)\)?$/;
