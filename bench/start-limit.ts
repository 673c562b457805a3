// The least that can answer with a row: Node's HTTP server and the driver. What `start.bench.ts` measures the service against.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';

const pool = new pg.Pool({
  connectionString: process.env['DATABASE_URL'],
  max: 1,
  options: `-c app.organization_id=${process.env['BENCH_ORGANIZATION']}`,
});
const server = createServer((_, response) => {
  void pool
    .query('SELECT id, name FROM location ORDER BY id LIMIT 50')
    .then(({ rows }) => response.setHeader('content-type', 'application/json').end(JSON.stringify(rows)));
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.on('SIGTERM', () => process.exit(0));
process.send?.({ port: (server.address() as AddressInfo).port });
