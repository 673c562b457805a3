import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@medspa/local-database';
import { connect } from '@medspa/testing';
import { serviceEnv } from '../apps/api/test/service.ts';
import { leakedConnections } from '../bench/service.ts';
import { faultReport } from './figures.ts';
import { groundOf, type Ground } from './ground.ts';
import { send, type Reply } from './http.ts';
import { startServiceProcess } from './service.ts';
import { atLeast, atMost, quantile, round, type Soak } from './soak.ts';
import { startLoad } from './workload.ts';

/** Two rounds of waiting for a connection (3 s) and for a lock (2 s); after that the breaker refuses at once. */
const LONGEST_WAIT_SECONDS = 10;
const RECOVERY_SECONDS = 5;
const HELD_OFF = 'whoever cannot be served is told so: 503 with Retry-After';

export const soak: Soak = {
  title: 'All connections are held and everybody calls',
  does: 'A table that every call needs is locked by somebody else, so every connection of the pool is held, while 500 callers book at the same moment. Then the lock goes, and clients work as usual.',
  control: 'callers wait for a connection for a minute',
  breaks: HELD_OFF,
  count: 500,
  minutes: 2,
  run: async (options) => {
    await using ground = await groundOf(options);
    const metricsPort = await freePort();
    // Of the control: no limit is reached before that of HTTP itself, and callers hear of failure, not of waiting.
    const endless = { DATABASE_URL: `${serviceEnv(ground.runtime, 'soak').DATABASE_URL}&pool_timeout=60` };
    await using service = await startServiceProcess(ground, {
      env: { METRICS_PORT: String(metricsPort), ...(options.isControl ? endless : {}) },
    });
    const holder = await connect(ground.admin);
    const lives: number[] = [];
    let isHeld = true;
    let waited: { reply: Reply | null; seconds: number }[];
    try {
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE location IN ACCESS EXCLUSIVE MODE');
      const living = watchLife(service.url, lives, () => isHeld);
      waited = await Promise.all(Array.from({ length: options.count }, (_, caller) => book(ground, service.url, caller)));
      isHeld = false;
      await living;
    } finally {
      await holder.end();
    }

    const freedAt = performance.now();
    const load = startLoad(ground, { url: service.url, seed: options.seed, clients: 12 });
    await sleep(2_000);
    await load.stop();
    const back = load.done.filter(({ outcome }) => outcome === 'ok').map(({ answeredAt }) => (answeredAt - freedAt) / 1_000);
    const heldOff = waited.filter(({ reply }) => reply?.status === 503 && reply.retryAfter !== null).length;
    const patience = Math.max(LONGEST_WAIT_SECONDS, options.recoverySeconds);
    const slowest = Math.max(...waited.map(({ seconds }) => seconds));
    const leaked = await leakedConnections(metricsPort);
    return await faultReport(ground, load, {
      name: 'callers',
      faults: waited.length,
      wanted: options.count,
      recoverySeconds: options.recoverySeconds,
      figures: {
        heldOff,
        longestWaitSeconds: round(slowest),
        slowestLiveMillis: round(Math.max(...lives)),
        liveP50Millis: round(quantile(lives, 0.5)),
        leakedConnections: leaked,
        recoveredSeconds: round(Math.min(...back)),
      },
      more: [
        atLeast(HELD_OFF, heldOff, options.count),
        atMost(`nobody waits longer than ${patience} s`, slowest, patience, ' s'),
        atMost('/health/live stays 200, answers that are not', lives.filter(Number.isNaN).length, 0),
        atMost('connections that nobody gave back', leaked, 0),
        atMost('bookings succeed again within seconds', Math.min(...back), Math.max(RECOVERY_SECONDS, options.recoverySeconds), ' s'),
      ],
    });
  },
};

async function book(
  { clinic, patientIds, signedIn }: Ground,
  url: string,
  caller: number,
): Promise<{ reply: Reply | null; seconds: number }> {
  const since = performance.now();
  const day = new Date(Date.now() + 400 * 86_400_000).toISOString().slice(0, 10);
  const body = JSON.stringify({
    locationId: clinic.locationId,
    patientId: patientIds[caller % patientIds.length],
    startsAt: `${day}T10:00:00Z`,
    services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
  });
  const reply = await send(`${url}/v1/appointments`, { method: 'POST', body, headers: signedIn, limitMillis: 40_000 }).catch(() => null);
  return { reply, seconds: (performance.now() - since) / 1_000 };
}

/** Milliseconds of every answer of /health/live; NaN of one that is not 200. */
async function watchLife(url: string, lives: number[], isOn: () => boolean): Promise<void> {
  for (; isOn(); await sleep(100)) {
    const since = performance.now();
    const reply = await send(`${url}/health/live`).catch(() => null);
    lives.push(reply?.status === 200 ? performance.now() - since : Number.NaN);
  }
}
