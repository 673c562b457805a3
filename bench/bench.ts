import { loadavg } from 'node:os';

export type BenchOptions = { rounds: number; secondsPerRound: number; say: (text: string) => void };

/** `ratio` is the headline (product to limit), `ratios` holds each target of docs/performance.md by its id. */
export type BenchResult = { ratios: Record<string, number>; ratio: number; ok: boolean; [fact: string]: unknown };

export type Bench = (options: BenchOptions) => Promise<{ table: string; result: BenchResult }>;

/** One way to do the work: called by `concurrency` callers, each waiting for its answer before the next call. */
export type Contender = { name: string; call: (caller: number) => Promise<void> };

/** What a contender did in all its rounds: median rate, latency over all calls, and what the meter counted a call. */
export type Measured = { perSecond: number; p50: number; p99: number; max: number; metered: number };

/**
 * Measures contenders against each other: every round gives each of them the same time, in an order that rotates, so that
 * what the machine does meanwhile falls on all alike. `meter` is a counter that only rises, for example of processor time.
 */
export async function interleave(
  contenders: Contender[],
  concurrency: number,
  { rounds, secondsPerRound }: BenchOptions,
  meter: () => number = () => 0,
): Promise<Map<string, Measured>> {
  const rates = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  const latencies = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  const metered = new Map(contenders.map(({ name }) => [name, 0]));
  for (const contender of contenders) await runFor(contender, concurrency, 0.4, []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length] as Contender;
      const before = meter();
      rates.get(contender.name)?.push(await runFor(contender, concurrency, secondsPerRound, latencies.get(contender.name) ?? []));
      metered.set(contender.name, (metered.get(contender.name) ?? 0) + meter() - before);
    }
  }
  return new Map(
    contenders.map(({ name }) => {
      const all = (latencies.get(name) ?? []).toSorted((a, b) => a - b);
      return [
        name,
        {
          perSecond: quantile(
            (rates.get(name) ?? []).toSorted((a, b) => a - b),
            0.5,
          ),
          p50: quantile(all, 0.5),
          p99: quantile(all, 0.99),
          max: all.at(-1) ?? 0,
          metered: (metered.get(name) ?? 0) / all.length,
        },
      ];
    }),
  );
}

/** Calls per second of one round; each call's milliseconds are appended. */
async function runFor({ call }: Contender, concurrency: number, seconds: number, latencies: number[]): Promise<number> {
  const since = performance.now();
  const until = since + seconds * 1_000;
  let done = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, caller) => {
      for (let begun = performance.now(); begun < until; begun = performance.now()) {
        await call(caller);
        latencies.push(performance.now() - begun);
        done++;
      }
    }),
  );
  return (done / (performance.now() - since)) * 1_000;
}

export function quantile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Columns as wide as their longest entry; the first is left, the others right. */
export function tableOf(header: string[], rows: string[][]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ');
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/** What else the machine was doing. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
