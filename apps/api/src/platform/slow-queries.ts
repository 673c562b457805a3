import type { Log } from './log.ts';

/** Time from one line about a statement to the next: a database that is slow as a whole must not fill the log as well. */
const TELL_MILLIS = 10_000;

/** Statements of different shapes that are told apart; those beyond are counted as one. */
const MOST_SHAPES = 200;

type Seen = { toldAt: number; count: number; slowest: number };

/**
 * Logs statements that take longer than so many milliseconds: by shape, with how often since the last line and the slowest.
 * Parameters never come here, and what a text has of literals is not said.
 */
export function watchSlowQueries(log: Log, slowMillis: number, now: () => number = performance.now.bind(performance)) {
  const seen = new Map<string, Seen>();
  return (text: string, millis: number): void => {
    if (millis < slowMillis) return;
    const own = shapeOf(text);
    const shape = seen.size < MOST_SHAPES || seen.has(own) ? own : 'others';
    const known = seen.get(shape) ?? { toldAt: Number.NEGATIVE_INFINITY, count: 0, slowest: 0 };
    seen.set(shape, known);
    known.count++;
    known.slowest = Math.max(known.slowest, millis);
    if (now() - known.toldAt < TELL_MILLIS) return;
    log.warn('slow query', { statement: shape, count: known.count, millis: Math.round(known.slowest) });
    Object.assign(known, { toldAt: now(), count: 0, slowest: 0 });
  };
}

/** A statement without what differs from one call to the next: literals, the length of lists, white space. */
export function shapeOf(text: string): string {
  return text
    .replaceAll(/'(?:[^']|'')*'/g, '?')
    .replaceAll(/(?<![\w$."])\d+(?:\.\d+)?\b/g, '?')
    .replaceAll(/(?:\$\d+|\?)(?:::[\w[\]]+)?(?:\s*,\s*(?:\$\d+|\?)(?:::[\w[\]]+)?)+/g, '...')
    .replaceAll(/\(\.\.\.\)(?:\s*,\s*\(\.\.\.\))+/g, '(...)')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}
