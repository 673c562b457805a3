import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/**
 * Processor time that a process and its children have used so far, milliseconds, those that have ended included. NaN where
 * there is no /proc.
 */
export function cpuMillis(pid: number): number {
  try {
    const children = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && statOf(entry)?.parent === pid);
    const own = statOf(String(pid));
    const ticks = (own ? own.used + own.usedByEnded : 0) + children.reduce((sum, child) => sum + (statOf(child)?.used ?? 0), 0);
    return (ticks / TICKS_PER_SECOND) * 1_000;
  } catch {
    return Number.NaN;
  }
}

/** Memory that a process holds, megabytes; NaN where there is no /proc. */
export function residentMegabytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

/** proc(5): fields are counted from the state, which follows the name in brackets. */
function statOf(pid: string): { parent: number; used: number; usedByEnded: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (index: number) => fields[index] ?? 0;
    return { parent: at(1), used: at(11) + at(12), usedByEnded: at(13) + at(14) };
  } catch {
    return null;
  }
}
