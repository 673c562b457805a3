import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { logFile } from './log-file.ts';
import { createLog } from './log.ts';

const folder = mkdtempSync(join(tmpdir(), 'medspa-log-'));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
const aPath = () => join(folder, `${count++}.jsonl`);
const countsIn = (path: string) => [...readFileSync(path, 'utf8').matchAll(/"count":(\d+)/g)].map(([, number]) => Number(number));

test('a log file is for its owner alone, and a later start adds to it', () => {
  const path = aPath();
  for (const round of [1, 2]) createLog('info', logFile(path)).info('setting', { count: round });
  expect(countsIn(path)).toEqual([1, 2]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a log file that has become long is put aside and begun anew; there are never more than the two', () => {
  const path = aPath();
  writeFileSync(path, 'x'.repeat(990));
  const log = createLog('info', logFile(path, 1_000));
  log.info('setting', { count: 1 });
  expect([countsIn(path), countsIn(`${path}.old`)]).toEqual([[1], []]);
  for (let line = 2; line <= 30; line++) log.info('setting', { count: line });
  const kept = [...countsIn(`${path}.old`), ...countsIn(path)];
  expect(kept.length).toBeGreaterThan(10);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 31 - kept.length + index));
  for (const file of [path, `${path}.old`]) expect(statSync(file).size).toBeLessThanOrEqual(1_000);
  expect(readdirSync(folder).filter((name) => name.startsWith(`${count - 1}.`))).toHaveLength(2);
});

test.runIf(process.platform === 'linux')('a full disk costs the lines and nothing else', async () => {
  const errors: unknown[] = [];
  const seen = (error: unknown) => errors.push(error);
  process.on('uncaughtException', seen);
  const log = createLog('info', logFile('/dev/full'));
  for (let line = 0; line < 20; line++) log.info('setting', { setting: 'x'.repeat(30_000) });
  log.flush();
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('uncaughtException', seen);
  expect(errors).toEqual([]);
});
