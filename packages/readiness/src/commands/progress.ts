// Says what runs, to people who wait.
import type { Progress } from '../audit.ts';
import type { Terminal } from './terminal.ts';

/** Plain lines are written at most this often; what takes long has a line of its own anyway. */
const BETWEEN_LINES_MS = 2_000;

/** One line that changes on a terminal; a few plain lines in a log. `done` takes the line away. */
export function progressOn(
  { error, isTerminal }: Terminal,
  now: () => number = () => performance.now(),
): { step: Progress; say: (text: string) => void; done: () => void } {
  let last = now();
  const clear = () => {
    if (isTerminal) error('\r\u001B[K');
  };
  return {
    step: (index, all, check, means) => {
      const line = `[${index + 1}/${all}] ${check.id} (${means})`;
      if (isTerminal) error(`\r\u001B[K${line}`);
      else if (means === 'drill' || now() - last >= BETWEEN_LINES_MS) {
        error(`${line}\n`);
        last = now();
      }
    },
    say: (text) => {
      clear();
      error(`${text}\n`);
    },
    done: clear,
  };
}
