import { randomBytes } from 'node:crypto';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aFolder } from '@medspa/testing';
import { expect, onTestFinished, test } from 'vitest';
import { archiveOf, baseFile, listBases, logFile, logNames, writeFileSealed, type Archive, type Base } from './archive.ts';
import { basesToKeep, needsBase, prune } from './retention.ts';

const segment = (number: number) => `0000000100000000${number.toString(16).toUpperCase().padStart(8, '0')}`;
const aBase = (finishedAt: string, start: number): Base => ({
  name: finishedAt.replaceAll(/[-:.]/g, ''),
  timeline: 1,
  startSegment: segment(start),
  stopSegment: segment(start),
  stopLsn: '0/1',
  startedAt: finishedAt,
  finishedAt,
  files: 1,
  bytes: 1,
});
async function* bytes(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

async function anArchive(bases: Base[], segments: number[]): Promise<Archive> {
  const folder = aFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const archive = archiveOf({ folder, keys: { current: 1, keys: new Map([[1, randomBytes(32)]]) } }, '1');
  for (const base of bases) await writeFileSealed(archive, baseFile(archive, base.name, 'info'), bytes(JSON.stringify(base)));
  for (const number of segments) await writeFileSealed(archive, logFile(archive, segment(number)), bytes('log'));
  return archive;
}

test('the first copy of each of seven days is kept, and the newest', () => {
  const days = Array.from({ length: 9 }, (_, index) => `2026-03-0${index + 1}`);
  const bases = days.flatMap((day, index) => [aBase(`${day}T03:00:00.000Z`, 2 * index), aBase(`${day}T18:00:00.000Z`, 2 * index + 1)]);
  expect(basesToKeep(bases.toReversed()).map(({ finishedAt }) => finishedAt)).toEqual([
    ...days.slice(-7).map((day) => `${day}T03:00:00.000Z`),
    '2026-03-09T18:00:00.000Z',
  ]);
});

test('the log is kept from where the oldest kept copy begins, with every history', async () => {
  const bases = Array.from({ length: 8 }, (_, index) => aBase(`2026-03-0${index + 1}T03:00:00.000Z`, 10 * (index + 1)));
  const archive = await anArchive(bases, [5, 10, 19, 20, 21, 85]);
  await writeFileSealed(archive, logFile(archive, '00000002.history'), bytes('1'));
  await writeFileSealed(archive, logFile(archive, `${segment(12)}.partial`), bytes('1'));
  await prune(archive, new Date());
  expect(await listBases(archive)).toEqual(bases.slice(1));
  expect(await logNames(archive)).toEqual([segment(20), segment(21), segment(85), '00000002.history'].toSorted());
});

test('what a killed process left half-written goes after a day, and not before', async () => {
  const archive = await anArchive([aBase('2026-03-01T03:00:00.000Z', 1)], [1]);
  const [old, young] = ['old', 'young'].map((name) => join(archive.folder, 'wal', `${name}.draft-00`)) as [string, string];
  for (const path of [old, young]) writeFileSync(path, 'half');
  utimesSync(old, new Date(), new Date(Date.now() - 25 * 3_600_000));
  await prune(archive, new Date());
  expect(() => utimesSync(old, 0, 0)).toThrow('ENOENT');
  expect(() => utimesSync(young, 0, 0)).not.toThrow();
});

test('a copy is due when there is none, after a day, and after a gap in the log', async () => {
  const at = (time: string) => new Date(`2026-03-${time}:00Z`);
  const base = aBase('2026-03-01T03:00:00.000Z', 4);
  expect(await needsBase(await anArchive([], [1, 2]), at('01T03:00'))).toBe(true);
  expect(await needsBase(await anArchive([base], [4, 5, 6]), at('02T02:59'))).toBe(false);
  expect(await needsBase(await anArchive([base], [4, 5, 6]), at('02T03:00'))).toBe(true);
  expect(await needsBase(await anArchive([base], [1, 4, 6]), at('01T04:00'))).toBe(true);
  expect(await needsBase(await anArchive([base], [1, 4]), at('01T04:00'))).toBe(false);
});
