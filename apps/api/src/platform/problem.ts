import { PROBLEMS, type ProblemDocument, type ProblemError, type ProblemSlug } from '@medspa/contracts';
import { handleDatabaseError, WrappingAway, type DatabaseErrorKind } from '@medspa/database';
import { BrokenCircuitError, BulkheadRejectedError } from 'cockatiel';
import { HTTPException } from 'hono/http-exception';
import { fieldOfConstraint } from './constraints.ts';

type Extension = Pick<ProblemDocument, 'errors' | 'version' | 'retryAfterSeconds' | 'currentStatus' | 'busy' | 'alternatives'>;

/** A refusal that the caller is told about. Thrown anywhere, rendered in one place. Its texts are constants. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly slug: ProblemSlug;
  readonly extension: Extension;

  constructor(slug: ProblemSlug, extension: Extension = {}) {
    super(PROBLEMS[slug].title);
    this.slug = slug;
    this.extension = extension;
  }

  get status(): number {
    return PROBLEMS[this.slug].status;
  }
}

/** A problem with the one place of the request that is at fault: a pointer into the body, or the name of a parameter. */
export function problemAt(slug: ProblemSlug, pointer: string, place: ProblemError['in'] = 'body'): Problem {
  return new Problem(slug, { errors: [{ in: place, pointer, detail: PROBLEMS[slug].title }] });
}

const BY_DATABASE_KIND: Record<DatabaseErrorKind, ProblemSlug> = {
  unique: 'already-exists',
  exclusion: 'overlaps',
  foreignKey: 'still-referred-to',
  check: 'rule-violated',
  notNull: 'rule-violated',
  tooLong: 'rule-violated',
  badInput: 'invalid-request',
  notFound: 'not-found',
  forbidden: 'not-permitted',
  conflict: 'overloaded',
  stalePlan: 'overloaded',
  rolledBack: 'internal',
  lockTimeout: 'overloaded',
  statementTimeout: 'too-slow',
  transactionTimeout: 'too-slow',
  poolTimeout: 'overloaded',
  diskFull: 'unavailable',
  unavailable: 'unavailable',
  other: 'internal',
};

/** The problem that an error amounts to: its own, the database's, or `internal`, which says nothing. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException) return problemOfStatus(error.status);
  if (error instanceof BrokenCircuitError || error instanceof WrappingAway) return new Problem('unavailable');
  if (error instanceof BulkheadRejectedError) return new Problem('overloaded');
  const report = handleDatabaseError(error);
  if (!report) return new Problem('internal');
  const field = fieldOfConstraint(report.constraint);
  // A reference to something that does not exist, or belongs to somebody else: the same answer for both.
  const slug = report.kind === 'foreignKey' && report.code === '23503' && field ? 'not-found' : BY_DATABASE_KIND[report.kind];
  return field ? problemAt(slug, `/${field}`) : new Problem(slug);
}

/** What the HTTP library refuses by itself: a body that it cannot read, or of another type than the route takes. */
function problemOfStatus(status: number): Problem {
  if (status === 400) return new Problem('malformed-body', { errors: [{ in: 'body', pointer: '', detail: 'Not valid JSON.' }] });
  if (status === 415) return new Problem('unsupported-media-type', { errors: [MUST_BE_JSON] });
  return new Problem('internal');
}

/** The place and reason of `unsupported-media-type`. */
export const MUST_BE_JSON: ProblemError = { in: 'header', pointer: 'content-type', detail: 'Must be application/json.' };

/** RFC 9457. `type` leads to the documentation of the slug. */
export function problemDocument(problem: Problem, requestId: string, apiUrl: string): ProblemDocument {
  const { status, title } = PROBLEMS[problem.slug];
  return { type: `${apiUrl}/docs#problem-${problem.slug}`, title, status, slug: problem.slug, requestId, ...problem.extension };
}

/** A part of a JSON pointer (RFC 6901), cut where a hostile key would make the answer long. */
export function escapePointer(part: string): string {
  return part.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}
