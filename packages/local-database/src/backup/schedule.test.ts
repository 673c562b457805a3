import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { aFolder, eventually } from '@medspa/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startLocalDatabase } from '../index.ts';
import { archiveOf, listBases, systemIdOf } from './archive.ts';
import { keepBases } from './schedule.ts';

vi.setConfig({ testTimeout: 120_000 });

test('a database without a copy gets one, not two, and a failure is said and does no harm', async () => {
  const root = aFolder();
  onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  const backup = { folder: join(root, 'backup'), keys: { current: 1, keys: new Map([[1, randomBytes(32)]]) } };
  const folder = join(root, 'postgres');
  const server = await startLocalDatabase({ folder, backup, settings: { fsync: 'off', shared_buffers: '16MB' } });
  onTestFinished(() => server.close());
  const cluster = join(folder, 'cluster');
  const archive = archiveOf(backup, systemIdOf(cluster));
  const source = { cluster, port: server.port, password: server.admin.password };
  const said: string[] = [];
  const say = (text: string) => said.push(text);

  const failing = keepBases({ ...source, password: 'wrong' }, archive, say, 0);
  await eventually('it is said', () => said.length > 0);
  await failing();
  expect(said).toEqual([expect.stringMatching(/^The daily backup failed: /)]);
  expect(await listBases(archive)).toEqual([]);

  const end = keepBases(source, archive, say, 0);
  const [base] = await eventually(
    'a copy is there',
    async () => {
      const bases = await listBases(archive);
      return bases.length > 0 && bases;
    },
    60_000,
  );
  await end();
  // The next start looks again, and the copy is young.
  const again = keepBases(source, archive, say, 0);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await again();
  expect(await listBases(archive)).toEqual([base]);
  expect(said).toHaveLength(1);
});
