import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import type { LogStream } from './log.ts';

/** As long as PostgreSQL's own log beside it may become. */
const LONGEST_BYTES = 20_000_000;

/**
 * A file that a log is appended to. When it has become long it is put aside as `.old`, in place of the one before, and begun
 * anew. A full disk costs lines of the log and never the service: pino's own file stream waits for space for ever when it is
 * flushed.
 */
export function logFile(path: string, longestBytes = LONGEST_BYTES): LogStream {
  let file = openSync(path, 'a', 0o600);
  let { size } = fstatSync(file);

  function beginAnew(): void {
    renameSync(path, `${path}.old`);
    const next = openSync(path, 'a', 0o600);
    closeSync(file);
    [file, size] = [next, 0];
  }

  return {
    write: (line) => {
      try {
        if (size + Buffer.byteLength(line) > longestBytes) beginAnew();
        size += writeSync(file, line);
      } catch {
        // Nobody could be told but by this log.
      }
    },
  };
}
