// The score, in whole numbers until it is printed, so that a reader who adds up the printed rows gets the printed total.
import type { Result } from '../audit.ts';
import type { Category, Severity, Verdict } from '../check.ts';

/** The shares of the report that this tool grew from. They add to 115, so each is divided by 1.15. */
export const SHARES: Record<Category, number> = {
  'Connection pool': 25,
  Environment: 20,
  Logging: 10,
  Health: 10,
  'Best practices': 15,
  Security: 15,
  'Cloud configuration': 10,
  Monitoring: 5,
  Resilience: 5,
};
export const CATEGORIES = Object.keys(SHARES) as Category[];

/** What a row weighs within its category. */
export const ROW_WEIGHTS: Record<Severity, number> = { critical: 8, high: 4, medium: 2, low: 1 };

/** Tenths of a point: `123` prints as 12.3. */
export type Tenths = number;

type ScoreRow = {
  category: Category;
  /** Rows that count, and of how many that apply. */
  counted: number;
  applicable: number;
  /** Row weights that were earned and could be, doubled so that half a row is a whole number. */
  earned: number;
  possible: number;
  /** What the category can bring, and brings. The columns add to 100.0 and to the total. */
  weight: Tenths;
  points: Tenths;
};

export type Figure = { total: Tenths | null; rows: ScoreRow[]; /** Categories whose weight went to the others. */ absent: Category[] };

export type Score = { /** Of what was checked. */ checked: Figure; /** With unchecked rows at 0. */ proven: Figure };

export function scoreOf(results: Result[]): Score {
  return { checked: figure(results, false), proven: figure(results, true) };
}

/** How many points a row would bring to the score of what was checked if it passed. */
export function gainOf(result: Result, results: Result[]): Tenths {
  const now = scoreOf(results).checked.total ?? 0;
  const better: Result = { ...result, judgement: { ...result.judgement, verdict: 'pass' } };
  return (scoreOf(results.map((one) => (one === result ? better : one))).checked.total ?? 0) - now;
}

export function printed(tenths: Tenths): string {
  return `${Math.trunc(tenths / 10)}.${tenths % 10}`;
}

const EARNED: Partial<Record<Verdict, number>> = { pass: 2, warn: 1, fail: 0 };

function figure(results: Result[], countsUnchecked: boolean): Figure {
  const rows = CATEGORIES.flatMap((category) => {
    const applicable = results.filter(({ check, judgement }) => check.category === category && judgement.verdict !== 'not applicable');
    const counted = countsUnchecked ? applicable : applicable.filter(({ judgement }) => judgement.verdict !== 'could not check');
    if (counted.length === 0) return [];
    const sum = (worth: (result: Result) => number) =>
      counted.reduce((total, one) => total + ROW_WEIGHTS[one.check.severity] * worth(one), 0);
    const earned = sum(({ judgement }) => EARNED[judgement.verdict] ?? 0);
    return [{ category, counted: counted.length, applicable: applicable.length, earned, possible: sum(() => 2), weight: 0, points: 0 }];
  });
  const absent = CATEGORIES.filter((category) => !rows.some((row) => row.category === category));
  if (rows.length === 0) return { total: null, rows, absent };

  // Everything over one denominator: what the shares add to, times every `possible`.
  const shares = rows.reduce((sum, { category }) => sum + SHARES[category], 0);
  const product = rows.reduce((all, { possible }) => all * BigInt(possible), 1n);
  const denominator = BigInt(shares) * product;
  const points = rows.map(({ category, earned, possible }) => BigInt(SHARES[category] * earned) * (product / BigInt(possible)) * 1000n);
  const weights = rows.map(({ category }) => BigInt(SHARES[category]) * product * 1000n);
  const pointTenths = shareOut(points, denominator);
  const weightTenths = shareOut(weights, denominator, pointTenths);
  for (const [index, row] of rows.entries()) Object.assign(row, { points: pointTenths[index], weight: weightTenths[index] });
  return { total: pointTenths.reduce((sum, one) => sum + one, 0), rows, absent };
}

/**
 * Each part rounded so that the parts add to their sum, which itself is rounded down: a score never looks better than it is.
 * What rounding down leaves goes, a tenth each, to parts that would be below `least`, then to the largest remainders.
 */
function shareOut(parts: bigint[], denominator: bigint, least: Tenths[] = []): Tenths[] {
  const rounded = parts.map((part) => Number(part / denominator));
  const total = Number(parts.reduce((sum, part) => sum + part, 0n) / denominator);
  const left = total - rounded.reduce((sum, one) => sum + one, 0);
  const lacks = (index: number) => Number((rounded[index] ?? 0) < (least[index] ?? 0));
  const remainder = (index: number) => (parts[index] ?? 0n) % denominator;
  const order = parts
    .map((_, index) => index)
    .toSorted((a, b) => lacks(b) - lacks(a) || Number(remainder(b) > remainder(a)) - Number(remainder(b) < remainder(a)));
  const raised = new Set(order.slice(0, left));
  return rounded.map((one, index) => (raised.has(index) ? one + 1 : one));
}
