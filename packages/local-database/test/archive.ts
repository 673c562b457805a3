import { readFileSync } from 'node:fs';
import pg from 'pg';
import { startLocalDatabase } from '../src/index.ts';

// A database with a backup as a process of its own, for tests that kill it: node archive.ts FOLDER BACKUP KEY-FILE
// Writes rows into `visit` and finishes segments without a pause; says `wrote` after each row that is committed.
const [folder = '', backup = '', keyFile = ''] = process.argv.slice(2);
const keys = { current: 1, keys: new Map([[1, Buffer.from(readFileSync(keyFile, 'utf8'), 'hex')]]) };
const server = await startLocalDatabase({ folder, backup: { folder: backup, keys }, settings: { shared_buffers: '16MB', fsync: 'off' } });
const client = new pg.Client({ connectionString: server.adminUrl() });
await client.connect();
for (;;) {
  await client.query(`INSERT INTO visit (note) VALUES ('row')`);
  process.stdout.write('wrote\n');
  await client.query('SELECT pg_switch_wal()');
}
