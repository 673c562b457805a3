import { DEFAULT_POOL, handleDatabaseError } from '@medspa/database';
import { bulkhead, BulkheadRejectedError, circuitBreaker, CircuitState, handleWhen, SamplingBreaker } from 'cockatiel';

/** Those who may queue for the database; more are refused at once with 503. */
const QUEUED = 192;

/** Whoever has queued longer is refused when the turn comes: the caller is about to give up, and those behind need the place. */
const QUEUE_MILLIS = 3_000;

export type Breaker = { policy: { execute: <T>(work: () => Promise<T>) => Promise<T> }; state: () => 'closed' | 'open' | 'half-open' };

/** How long callers are refused before one may try: as long as `Retry-After` tells them to wait, so that nobody is told twice. */
const OPEN_MILLIS = 1_000;

/**
 * Stops asking a database that does not answer: after half of the calls of ten seconds failed for infrastructure's reasons,
 * callers are refused for a second, then one may try. A duplicate key or any other refusal never counts.
 *
 * As many callers work at once as the pool has connections, and the others queue here, in order and bounded: waiting for the
 * pool instead they would run into its timeout (with 80 in flight on a pool of 8, three of four did).
 */
export function createBreaker({
  atOnce = DEFAULT_POOL.poolMax,
  openMillis = OPEN_MILLIS,
  queueMillis = QUEUE_MILLIS,
  onChange = () => {},
}: {
  atOnce?: number;
  openMillis?: number;
  queueMillis?: number;
  onChange?: (state: 'closed' | 'open' | 'half-open') => void;
} = {}): Breaker {
  const circuit = circuitBreaker(
    handleWhen((error) => handleDatabaseError(error)?.infrastructure ?? false),
    { halfOpenAfter: openMillis, breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }) },
  );
  const state = () => (circuit.state === CircuitState.Closed ? 'closed' : circuit.state === CircuitState.HalfOpen ? 'half-open' : 'open');
  circuit.onStateChange(() => onChange(state()));
  const queue = bulkhead(atOnce, QUEUED);
  const execute: Breaker['policy']['execute'] = (work) => {
    const since = performance.now();
    return queue.execute(() => {
      if (performance.now() - since > queueMillis) throw new BulkheadRejectedError(atOnce, QUEUED);
      return circuit.execute(work);
    });
  };
  return { policy: { execute }, state };
}
