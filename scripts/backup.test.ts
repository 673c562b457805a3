import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { launcher, patientsAt, run, served } from '@medspa/testing';
import { expect, test, vi } from 'vitest';

// The tasks as a person uses them.
vi.setConfig({ testTimeout: 180_000 });
const { start, aDataFolder } = launcher();

async function task(data: string, ...args: string[]): Promise<{ code: number | NodeJS.Signals; said: string }> {
  const { ended, said } = run('scripts/backup.ts', { MEDSPA_DATA: data }, { args });
  return { code: await ended, said: said() };
}

test('the practice clinic is backed up while it runs, and comes back after its database is gone', async () => {
  const data = aDataFolder();
  const service = start(data);
  const patients = await patientsAt(service);
  expect(patients).toBeGreaterThan(50);
  expect((await task(data, 'backup')).said).toMatch(/^Copied \d+ files, [\d.]+ MB, as of \d{4}-/);
  expect((await task(data, 'restore', '--to', 'latest')).said).toMatch(/in use by another running instance .*Stop the service first/);
  expect(await service.end('SIGTERM')).toBe(0);

  expect((await task(data, 'restore', '--to', '2026-03-02 14:05')).said).toMatch(/with its offset/);
  renameSync(join(data, 'postgres'), join(data, 'lost'));
  const restored = await task(data, 'restore', '--to', 'latest');
  expect(restored.said).toMatch(/Read without a fault: \d+ rows/);
  expect(restored.code).toBe(0);
  const again = start(data);
  expect(await patientsAt(again)).toBe(patients);
  expect(await again.end('SIGTERM')).toBe(0);
  expect((await task(data, 'backup', '--list')).said).toMatch(/^Database \d+:\n {2}\d{4}-/);

  // Without its key the backup is worth nothing, and a new key would make that worse.
  renameSync(join(data, 'keys/backup.json'), join(data, 'keys/elsewhere.json'));
  expect((await task(data, 'backup')).said).toMatch(/was made with a key that is not at .*backup\.json\. Put the key back/);
  expect(existsSync(join(data, 'keys/backup.json'))).toBe(false);
});

test('nothing is backed up where that is switched off', async () => {
  const data = aDataFolder();
  const service = start(data, { MEDSPA_BACKUP: 'off' });
  await served(service);
  expect(await service.end('SIGTERM')).toBe(0);
  expect(readdirSync(data)).not.toContain('backup');
});
