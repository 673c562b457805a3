import { quantile as quantileOfSorted } from '../bench/bench.ts';
import { PROMISES, type Judgement, type Promised } from './history.ts';
import type { Ground } from './ground.ts';

export type SoakOptions = {
  seed: number;
  /** How many faults: kills, cut connections, restarts, attackers. */
  count: number;
  /** No run takes longer, whatever was asked for. */
  minutes: number;
  /** Seconds within which the service works again after a fault. */
  recoverySeconds: number;
  /** Breaks the service, the server or the client on purpose; the run must then fail. */
  isControl: boolean;
  /** A database that is there already, for runs that do not end its server. */
  ground?: Ground;
  say: (text: string) => void;
};

/** What must hold, as a sentence with its figure. */
export type Rule = { rule: string; figure: string; holds: boolean };

export type Outcome = { figures: Record<string, number>; rules: Rule[]; notes?: string[]; skipped?: string };

/** One fault run: what it does, how it is broken on purpose, and how many faults its long form has. */
export type Soak = {
  title: string;
  does: string;
  control: string;
  /** The rule that the control must break. */
  breaks: string;
  count: number;
  minutes: number;
  run: (options: SoakOptions) => Promise<Outcome>;
};

/** The promises of the history as rules, each with its first breaches. */
export function rulesOf(judgement: Judgement): Rule[] {
  return (Object.keys(PROMISES) as Promised[]).map((promised) => {
    const sentences = judgement[promised];
    return {
      rule: PROMISES[promised],
      figure: sentences.length === 0 ? '0 breaches' : `${sentences.length} breaches, first: ${sentences.slice(0, 2).join('; ')}`,
      holds: sentences.length === 0,
    };
  });
}

export function atMost(rule: string, value: number, limit: number, unit = ''): Rule {
  return { rule, figure: `${round(value)}${unit}`, holds: value <= limit };
}

export function atLeast(rule: string, value: number, limit: number, unit = ''): Rule {
  return { rule, figure: `${round(value)}${unit}`, holds: value >= limit };
}

/** The value below which this share of all lies; NaN of nothing. */
export function quantile(values: number[], share: number): number {
  return quantileOfSorted(
    values.toSorted((a, b) => a - b),
    share,
  );
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** A run holds all of its rules; a control breaks the one that it is there to break. */
export function isAsItMustBe({ breaks }: Pick<Soak, 'breaks'>, { rules, skipped }: Outcome, isControl: boolean): boolean {
  if (skipped !== undefined) return false;
  return isControl ? rules.some(({ rule, holds }) => rule === breaks && !holds) : rules.every(({ holds }) => holds);
}
