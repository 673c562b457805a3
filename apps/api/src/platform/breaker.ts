import { DEFAULT_POOL, handleDatabaseError, PoolTimeout } from '@medspa/database';
import { bulkhead, circuitBreaker, CircuitState, handleWhen, SamplingBreaker } from 'cockatiel';

/** Those who may queue for the database; more are refused at once with 503. */
const QUEUED = 192;
/** How long callers are refused before one may try: as long as `Retry-After` tells them to wait, so that nobody is told twice. */
const OPEN_MILLIS = 1_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

/** Stands before every use of the database. */
export type Policy = {
  execute: <T>(work: () => Promise<T>) => Promise<T>;
  /** True while whoever comes next would be refused. */
  isFull: () => boolean;
};

export type Breaker = { policy: Policy; state: () => BreakerState; waiting: () => number };

export type BreakerOptions = {
  /** Callers that work at the same time, and how long others wait for their turn. */
  atOnce?: number;
  waitMillis?: number;
  openMillis?: number;
  onChange?: (state: BreakerState) => void;
  onWaited?: (millis: number) => void;
  onTimedOut?: () => void;
};

/**
 * Stops asking a database that does not answer: after half of the calls of ten seconds failed for infrastructure's reasons,
 * callers are refused for a second, then one may try. A duplicate key or any other refusal never counts.
 *
 * As many callers work at once as the pool has connections. The others queue here, in order, bounded in number and in time
 * (`PoolTimeout`): in the pool's own queue nobody is bounded in number, and with 80 in flight on a pool of 8 three of four
 * ran into its timeout while those in front of them were refused as well.
 */
export function createBreaker({
  atOnce = DEFAULT_POOL.poolMax,
  waitMillis = DEFAULT_POOL.poolWaitMillis,
  openMillis = OPEN_MILLIS,
  onChange = () => {},
  onWaited = () => {},
  onTimedOut = () => {},
}: BreakerOptions = {}): Breaker {
  const places = bulkhead(atOnce, QUEUED);
  const circuit = circuitBreaker(
    handleWhen((error) => handleDatabaseError(error)?.infrastructure ?? false),
    { halfOpenAfter: openMillis, breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }) },
  );
  const state = () => (circuit.state === CircuitState.Closed ? 'closed' : circuit.state === CircuitState.HalfOpen ? 'half-open' : 'open');
  circuit.onStateChange(() => onChange(state()));

  async function afterQueue<T>(work: () => Promise<T>): Promise<T> {
    const since = performance.now();
    let isTooLate = false;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isTooLate = true;
        onTimedOut();
        reject(new PoolTimeout());
      }, waitMillis);
    });
    const turn = places.execute(() => {
      clearTimeout(timer);
      // Its caller was answered already: the place goes to the next one.
      if (isTooLate) return patience;
      onWaited(performance.now() - since);
      return circuit.execute(work);
    });
    try {
      return await Promise.race([turn, patience]);
    } finally {
      clearTimeout(timer);
    }
  }
  return {
    policy: {
      execute: (work) => (places.executionSlots > 0 ? places.execute(() => circuit.execute(work)) : afterQueue(work)),
      isFull: () => places.executionSlots === 0 && places.queueSlots === 0,
    },
    state,
    waiting: () => QUEUED - places.queueSlots,
  };
}
