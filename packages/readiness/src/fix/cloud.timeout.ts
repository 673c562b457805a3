import type { Project } from '../project/project.ts';
import { fixFlags } from './gcloud.ts';
import type { Patch } from './patch.ts';

const MOST_SECONDS = 60;
const SECONDS: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600 };

/** Sixty seconds; without the flag it is five minutes. */
export function fixTimeout(project: Project): Patch[] {
  return fixFlags(project, [{ flag: 'timeout', value: ({ get }) => shortened(get('timeout')) }], 'a request takes at most 60 seconds');
}

/** Null for what is short enough, and for what is not a plain number. */
function shortened(given: string | null): string | null {
  if (given === null) return String(MOST_SECONDS);
  const [, number, unit = ''] = /^(\d+)([smh]?)$/.exec(given) ?? [];
  return number !== undefined && Number(number) * (SECONDS[unit] ?? 1) > MOST_SECONDS ? `${MOST_SECONDS}${unit && 's'}` : null;
}
