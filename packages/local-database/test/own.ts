import { startLocalDatabase } from '../src/index.ts';

// An owner of a folder as a process of its own, for tests that kill it: node own.ts FOLDER
// Says {port, pid} when its server is up. A line on its input keeps it busy: from then on it answers nobody.
const [folder = ''] = process.argv.slice(2);
const server = await startLocalDatabase({ folder, settings: { fsync: 'off', shared_buffers: '16MB' } });
server.announce('http://127.0.0.1:4711');
process.stdin.once('data', () => {
  process.stdout.write('busy\n');
  for (const until = Date.now() + 60_000; Date.now() < until;);
});
process.stdout.write(`${JSON.stringify({ port: server.port, pid: server.pid })}\n`);
