import { handleDatabaseError } from '@medspa/database';
import { bulkhead, circuitBreaker, CircuitState, handleWhen, SamplingBreaker, wrap, type IPolicy } from 'cockatiel';

/** Requests that may be at the database at once, and those that may queue for it; more are refused at once with 503. */
const AT_ONCE = 64;
const QUEUED = 128;

export type Breaker = { policy: IPolicy; state: () => 'closed' | 'open' | 'half-open' };

/** How long callers are refused before one may try: as long as `Retry-After` tells them to wait, so that nobody is told twice. */
const OPEN_MILLIS = 1_000;

/**
 * Stops asking a database that does not answer: after half of the calls of ten seconds failed for infrastructure's reasons,
 * callers are refused for a second, then one may try. A duplicate key or any other refusal never counts.
 */
export function createBreaker(onChange: (state: 'closed' | 'open' | 'half-open') => void = () => {}, openMillis = OPEN_MILLIS): Breaker {
  const circuit = circuitBreaker(
    handleWhen((error) => handleDatabaseError(error)?.infrastructure ?? false),
    { halfOpenAfter: openMillis, breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }) },
  );
  const state = () => (circuit.state === CircuitState.Closed ? 'closed' : circuit.state === CircuitState.HalfOpen ? 'half-open' : 'open');
  circuit.onStateChange(() => onChange(state()));
  return { policy: wrap(bulkhead(AT_ONCE, QUEUED), circuit), state };
}
