/** What went wrong in the database, as one of a few kinds that a caller can act on. */
export type DatabaseErrorKind =
  | 'unique'
  | 'exclusion'
  | 'foreignKey'
  | 'check'
  | 'notNull'
  | 'tooLong'
  | 'badInput'
  | 'notFound'
  | 'forbidden'
  | 'conflict'
  | 'stalePlan'
  | 'rolledBack'
  | 'lockTimeout'
  | 'statementTimeout'
  | 'transactionTimeout'
  | 'poolTimeout'
  | 'diskFull'
  | 'unavailable'
  | 'other';

/** `handleDatabaseError`'s answer. Nothing in it holds a value of a row. */
export type DatabaseErrorReport = {
  kind: DatabaseErrorKind;
  /** A constant sentence per kind, fit for a client. */
  message: string;
  /** SQLSTATE, or Prisma's code where there is none (P2025, P2028). */
  code?: string;
  /** Name of the violated constraint. */
  constraint?: string;
  /** The constrained column, where the constraint's name says it. */
  field?: string;
  /** HTTP status that the kind maps to. */
  status: number;
  /** The whole transaction may run again: it lost a race and wrote nothing. */
  retry: boolean;
  /** The database or the way to it is at fault, not the request: what a circuit breaker counts. */
  infrastructure: boolean;
};

type Rule = Omit<DatabaseErrorReport, 'kind' | 'code' | 'constraint' | 'field'>;

const RULES: Record<DatabaseErrorKind, Rule> = {
  unique: { message: 'This already exists.', status: 409, retry: false, infrastructure: false },
  exclusion: { message: 'This overlaps with something that exists.', status: 409, retry: false, infrastructure: false },
  foreignKey: {
    message: 'Something that this refers to does not exist, or is still in use.',
    status: 409,
    retry: false,
    infrastructure: false,
  },
  check: { message: 'A rule of the data does not allow this.', status: 422, retry: false, infrastructure: false },
  notNull: { message: 'A required value is missing.', status: 422, retry: false, infrastructure: false },
  tooLong: { message: 'A value is too long.', status: 422, retry: false, infrastructure: false },
  badInput: { message: 'A value cannot be read.', status: 400, retry: false, infrastructure: false },
  notFound: { message: 'There is no such record.', status: 404, retry: false, infrastructure: false },
  forbidden: { message: 'The data may not be used in this way.', status: 403, retry: false, infrastructure: false },
  conflict: { message: 'Somebody else changed the same data at the same moment.', status: 503, retry: true, infrastructure: false },
  stalePlan: { message: 'The database is being changed; try again.', status: 503, retry: true, infrastructure: false },
  rolledBack: { message: 'The transaction had failed, and nothing was written.', status: 500, retry: false, infrastructure: false },
  lockTimeout: { message: 'Somebody else is working on the same data.', status: 503, retry: false, infrastructure: false },
  statementTimeout: { message: 'The database took too long.', status: 504, retry: false, infrastructure: false },
  transactionTimeout: { message: 'The work took too long, and nothing was written.', status: 504, retry: false, infrastructure: false },
  poolTimeout: { message: 'Too much is going on; try again in a moment.', status: 503, retry: false, infrastructure: true },
  diskFull: { message: 'The database cannot store more at the moment.', status: 503, retry: false, infrastructure: true },
  unavailable: { message: 'The database cannot be reached.', status: 503, retry: false, infrastructure: true },
  other: { message: 'The database refused the work.', status: 500, retry: false, infrastructure: false },
};

const BY_SQLSTATE: Record<string, DatabaseErrorKind> = {
  '23505': 'unique',
  '23P01': 'exclusion',
  '23503': 'foreignKey',
  '23001': 'foreignKey',
  '23514': 'check',
  '23502': 'notNull',
  '22001': 'tooLong',
  '42501': 'forbidden',
  '40001': 'conflict',
  '40P01': 'conflict',
  '0A000': 'stalePlan',
  '26000': 'stalePlan',
  // A primary that became a standby, or a disk that its keeper made read-only.
  '25006': 'unavailable',
  '25P02': 'rolledBack',
  '55P03': 'lockTimeout',
  '57014': 'statementTimeout',
  '25P04': 'transactionTimeout',
  '25P03': 'transactionTimeout',
  '53100': 'diskFull',
  '3D000': 'unavailable',
  '28P01': 'unavailable',
  '28000': 'unavailable',
  P2024: 'poolTimeout',
};

/** Classes of SQLSTATE whose members share a meaning. */
const BY_CLASS: Record<string, DatabaseErrorKind> = {
  '08': 'unavailable',
  '22': 'badInput',
  '53': 'unavailable',
  '57': 'unavailable',
  '58': 'diskFull',
};

/** Prisma's codes where no SQLSTATE is at hand. P2028 is a transaction that could not start, or outlived its limit. */
const BY_PRISMA_CODE: Record<string, DatabaseErrorKind> = {
  P1000: 'unavailable',
  P1001: 'unavailable',
  P1002: 'unavailable',
  P1008: 'unavailable',
  P1017: 'unavailable',
  P2000: 'tooLong',
  P2002: 'unique',
  P2003: 'foreignKey',
  P2004: 'check',
  P2007: 'badInput',
  P2011: 'notNull',
  P2024: 'poolTimeout',
  P2025: 'notFound',
  P2028: 'transactionTimeout',
  P2034: 'conflict',
  P2037: 'unavailable',
};

const BY_ADAPTER_KIND: Record<string, DatabaseErrorKind> = {
  TransactionWriteConflict: 'conflict',
  DatabaseNotReachable: 'unavailable',
  ConnectionClosed: 'unavailable',
  SocketTimeout: 'unavailable',
  TlsConnectionError: 'unavailable',
  AuthenticationFailed: 'unavailable',
  DatabaseAccessDenied: 'unavailable',
  DatabaseDoesNotExist: 'unavailable',
  TooManyConnections: 'unavailable',
};

/** No class of SQLSTATE begins with E, and the operating system's codes (EPIPE, EPERM) all do. */
const SQLSTATE = /^[0-9A-DF-Z][0-9A-Z]{4}$/;

const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'EAI_AGAIN', 'ENOENT']);

/** Errors without any code, recognised by the constant texts of pg and pg-pool. */
const BY_DRIVER_TEXT: [RegExp, DatabaseErrorKind][] = [
  [/^timeout exceeded when trying to connect/, 'poolTimeout'],
  [
    /^(Connection terminated|Client has encountered a connection error|Cannot use a pool after calling end|Client was closed|Connection ended)/,
    'unavailable',
  ],
  [/^timeout expired/, 'unavailable'],
];

/**
 * Classifies whatever a query threw, through Prisma or not: the driver's error, Prisma's error around it, the bare adapter
 * error that a failed COMMIT or deadlock gives. Returns null for an error that is not the database's.
 *
 * It reads structure, never text of ours: a Prisma message quotes the caller's source and values.
 */
export function handleDatabaseError(error: unknown): DatabaseErrorReport | null {
  const facts = factsOf(error);
  if (!facts) return null;
  const kind = kindOf(facts);
  if (!kind) return null;
  const { constraint } = facts;
  const field = facts.column === undefined ? constraint && fieldOf(constraint) : camelCase(facts.column);
  const code = facts.sqlstate ?? facts.prismaCode;
  return {
    kind,
    ...RULES[kind],
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    ...(field === undefined ? {} : { field }),
  };
}

type Facts = {
  sqlstate?: string;
  prismaCode?: string;
  adapterKind?: string;
  constraint?: string;
  column?: string;
  socketCode?: string;
  text?: string;
  isStartTimeout?: boolean;
};

type AdapterCause = {
  kind?: string;
  originalCode?: string;
  code?: unknown;
  hint?: string;
  constraint?: { index?: string; fields?: string[] };
  originalMessage?: string;
};

function factsOf(error: unknown): Facts | null {
  if (!(error instanceof Error)) return null;
  const { code, meta, cause, hint, column, name } = error as Error & {
    code?: unknown;
    meta?: { driverAdapterError?: { cause?: AdapterCause } };
    cause?: AdapterCause;
    hint?: string;
    column?: string;
  };
  const adapter = meta?.driverAdapterError?.cause ?? (name === 'DriverAdapterError' ? cause : undefined);
  const facts: Facts = {};
  if (adapter) {
    const sqlstate = adapter.originalCode ?? (adapter.kind === 'postgres' ? adapter.code : undefined);
    if (typeof sqlstate === 'string') facts.sqlstate = sqlstate;
    if (adapter.kind) facts.adapterKind = adapter.kind;
    const constraint = adapter.constraint?.index ?? adapter.hint;
    if (constraint) facts.constraint = constraint;
    if (adapter.constraint?.fields?.[0]) facts.column = adapter.constraint.fields[0];
  }
  if (typeof code === 'string') {
    if (/^P\d{4}$/.test(code)) facts.prismaCode = code;
    else if (SQLSTATE.test(code)) facts.sqlstate ??= code;
    else facts.socketCode = code;
    if (code === 'P2028') facts.isStartTimeout = error.message.includes('Unable to start a transaction');
  }
  if (!adapter && facts.sqlstate) {
    if (hint) facts.constraint = hint;
    if (column) facts.column = column;
  }
  if (Object.keys(facts).length === 0) facts.text = error.message;
  return facts;
}

function kindOf(facts: Facts): DatabaseErrorKind | null {
  const { sqlstate, prismaCode, adapterKind, socketCode, text } = facts;
  if (sqlstate) return BY_SQLSTATE[sqlstate] ?? BY_CLASS[sqlstate.slice(0, 2)] ?? 'other';
  if (adapterKind && BY_ADAPTER_KIND[adapterKind]) return BY_ADAPTER_KIND[adapterKind];
  if (prismaCode) return facts.isStartTimeout ? 'poolTimeout' : (BY_PRISMA_CODE[prismaCode] ?? 'other');
  if (socketCode) return SOCKET_CODES.has(socketCode) ? 'unavailable' : null;
  return BY_DRIVER_TEXT.find(([pattern]) => text !== undefined && pattern.test(text))?.[1] ?? null;
}

/** `service_organization_id_name_key` constrains `name`: Prisma names a unique key after its columns. */
function fieldOf(constraint: string): string | undefined {
  const column = /_organization_id_(.+?)(?:_key|_fkey)$/.exec(constraint)?.[1];
  return column && camelCase(column);
}

function camelCase(column: string): string {
  return column.replace(/_(?:sealed|index|id)$/, '').replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
