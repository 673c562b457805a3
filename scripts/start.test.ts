import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually, launcher, patientsAt, served, signedInAsPrinted } from '@medspa/testing';
import { beforeAll, describe, expect, test } from 'vitest';

const { start, aDataFolder } = launcher();

function serverPid(data: string): number {
  return Number.parseInt(readFileSync(join(data, 'postgres/cluster/postmaster.pid'), 'utf8'), 10);
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** A loopback port that is taken until `free`. */
async function aTakenPort(): Promise<{ port: number; free: () => void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, free: () => server.close() };
}

describe('npm start', () => {
  // One installation from its first run on; every test finds it as the one before left it.
  let data: string;
  beforeAll(() => {
    data = aDataFolder();
  });

  test('ended while it fills the practice clinic, by SIGTERM: nothing stays behind, and exit 0', async () => {
    const first = start(data);
    await eventually('it fills', () => first.said().includes('Filling a practice clinic'), 60_000);
    const server = serverPid(data);
    expect(await first.end('SIGTERM')).toBe(0);
    await eventually('the server has ended', () => !isAlive(server));
  });

  test('killed while it fills: the next one begins anew and ends complete', async () => {
    const first = start(data);
    await eventually('it fills', () => / of \d+ appointments/.test(first.said()), 60_000);
    await first.end('SIGKILL');
    const second = start(data);
    await served(second);
    expect(second.said()).toContain('The first run was interrupted while it filled the practice clinic; beginning anew.');
    expect(await patientsAt(second)).toBe(100);
    expect(statSync(join(data, 'keys/practice-password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, 'keys/encryption.json')).mode & 0o777).toBe(0o600);
    await second.end('SIGTERM');
  });

  test('again is warm: it makes, migrates and fills nothing', async () => {
    const started = start(data);
    expect(await patientsAt(started)).toBe(100);
    expect(started.said()).not.toMatch(/Creating|Applying|Filling|beginning anew/);
  });

  test('beside a running one says where that is, and ends with 1', async () => {
    const first = start(data);
    const address = await served(first);
    const second = start(data);
    expect(await second.ended).toBe(1);
    expect(second.said()).toBe(`The service is running already: ${address}. Stop it first, or open that address.\n`);
    expect((await fetch(`${address}/health/ready`)).status).toBe(200);
  });

  test('after a kill -9 works, and the server that was left is ended', async () => {
    const first = start(data);
    await served(first);
    const left = serverPid(data);
    await first.end('SIGKILL');
    expect(isAlive(left)).toBe(true);
    const second = start(data);
    expect(await patientsAt(second)).toBe(100);
    expect(serverPid(data)).not.toBe(left);
    await eventually('the server that was left is gone', () => !isAlive(left));
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ended by %s ends service and server, with 0 and without a warning', async (signal) => {
    const started = start(data);
    const address = await served(started);
    const headers = await signedInAsPrinted(started);
    // Reads of several tables at once, which pg once warned about.
    await Promise.all(Array.from({ length: 20 }, async () => (await fetch(`${address}/v1/services`, { headers })).text()));
    const server = serverPid(data);
    expect(await started.end(signal)).toBe(0);
    expect(isAlive(server)).toBe(false);
    await expect(fetch(`${address}/health/live`)).rejects.toThrow('fetch failed');
    expect(started.said()).not.toMatch(/warning/i);
  });

  test('where its port is taken takes the next one, and says so', async () => {
    const { port, free } = await aTakenPort();
    const started = start(data, { PORT: String(port) });
    const address = await served(started);
    expect(started.said()).toContain(`Port ${port} is taken; using ${new URL(address).port}.`);
    expect(Number(new URL(address).port)).toBeGreaterThan(port);
    free();
  });

  test('whose key file is gone does not start with another one', async () => {
    const file = join(data, 'keys/encryption.json');
    const key = readFileSync(file);
    rmSync(file);
    const started = start(data);
    expect(await started.ended).toBe(1);
    expect(started.said()).toContain(`The key file ${file} is missing, and the database has data that only it opens.`);
    expect(existsSync(file)).toBe(false);
    await eventually('the server has ended', () => !existsSync(join(data, 'postgres/cluster/postmaster.pid')));
    writeFileSync(file, key, { mode: 0o600 });
  });

  test('AUT-8: with PRACTICE=off has no account, prints a setup code that makes the owner, and none once there is one', async () => {
    const own = aDataFolder();
    const started = start(own, { PRACTICE: 'off' });
    const address = await served(started);
    const code = await eventually('it prints a code', () => /setup code ([A-Z2-7-]{26,})/.exec(started.said())?.[1]);
    expect(started.said()).toContain(`${address}/setup\n`);
    expect(started.said()).not.toMatch(/Filling|password of all/);
    expect((await fetch(`${address}/setup`)).status).toBe(200);
    expect((await fetch(`${address}/mailbox`)).status).toBe(404);
    const person = { organizationName: 'Harbor', givenName: 'Olive', familyName: 'Owner', email: 'olive@harbor.example' };
    const made = await fetch(`${address}/v1/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...person, code, password: 'slow green harbour morning' }),
    });
    expect(made.status).toBe(201);
    expect(await started.end('SIGTERM')).toBe(0);
    // Also where practice mode is not switched off: what is there decides.
    const again = start(own);
    await served(again);
    expect(again.said()).toContain('Sign in with your own account.');
    expect(again.said()).not.toMatch(/setup code|practice/);
  });

  test('with PRACTICE=off refuses the folder of a practice clinic', async () => {
    const started = start(data, { PRACTICE: 'off' });
    expect(await started.ended).toBe(1);
    expect(started.said()).toContain('PRACTICE is off, and the database holds the practice clinic.');
  });

  test('with a configuration that is not usable says what is wrong, and starts nothing', async () => {
    const empty = aDataFolder();
    const started = start(empty, { PORT: 'eighty', LOG_LEVEL: 'loud', ENCRYPTION_KEY: 'short' });
    expect(await started.ended).toBe(1);
    expect(started.said()).toMatch(/The configuration is not usable:\n {2}- PORT: .*\n {2}- LOG_LEVEL: /);
    expect(existsSync(join(empty, 'postgres'))).toBe(false);
  });
});
