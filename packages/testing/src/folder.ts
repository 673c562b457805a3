import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that the server's account can enter, which one of `mkdtemp` is not. The caller removes it. */
export function aFolder(): string {
  const folder = join(tmpdir(), `medspa-test-${randomUUID()}`);
  mkdirSync(folder, { mode: 0o755 });
  return folder;
}
