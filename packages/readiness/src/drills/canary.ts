import { setTimeout as sleep } from 'node:timers/promises';
import type { DrillGround } from './ground.ts';
import { again, isSuccess, sendingOf, type Answer, type Sending } from './http.ts';
import { until } from './load.ts';
import type { ServiceProcess } from './process.ts';
import type { DrillRequest } from './settings.ts';

/** What one way into an error gave. */
export type Provoked = { how: string; sending: Sending; answer: Answer };

/** Long enough for a statement to be on its way. */
const ON_ITS_WAY_MILLIS = 300;
const WITHIN_MILLIS = 12_000;

/** The requests of readiness.json that carry a canary. */
export function infectedRequests({ settings }: DrillGround): DrillRequest[] {
  const given = [settings.write, settings.duplicate, ...settings.canary].filter((one) => one !== null);
  return given.filter((request) => JSON.stringify([request.body, request.path, request.headers]).includes('{{canary}}'));
}

export const NO_CANARY =
  'no request of readiness.json has {{canary}} in it; put it into texts of drill.write.body, where names and notes of people would be';

/**
 * Sends values that can be recognised down every path on which a service speaks of what went wrong: bodies that are no JSON, of
 * other types, too long or with unknown keys, the same change twice, and a database that goes away in the middle and at once.
 */
export async function provoke(ground: DrillGround, service: ServiceProcess): Promise<Provoked[]> {
  const provoked: Provoked[] = [];
  const { proxy } = ground;
  for (const request of infectedRequests(ground)) {
    const ask = async (how: string, change: (sending: Sending) => Sending = (same) => same) => {
      const sending = change(sendingOf(request));
      provoked.push({ how: `${request.method} ${request.path}: ${how}`, sending, answer: await service.send(sending, WITHIN_MILLIS) });
      return sending;
    };
    const valid = await ask('as it should be');
    const { answer } = provoked.at(-1) ?? {};
    if (!answer || !isSuccess(answer))
      throw new Error(`${request.method} ${request.path} of readiness.json is answered ${answer?.status}; give one that succeeds`);
    await ask('the same again', () => again(valid, request));
    if (request.body !== undefined) {
      await ask('no JSON', (one) => ({ ...one, body: (one.body ?? '').slice(0, -1) }));
      await ask('an unknown key', (one) => withFields(one, (fields) => ({ ...fields, unknownKey: one.canary })));
      await ask('other types', (one) => withFields(one, (fields) => mapTexts(fields, (text) => ({ value: text }))));
      await ask('texts that are too long', (one) => withFields(one, (fields) => mapTexts(fields, (text) => text.repeat(3_000))));
    }
    proxy.hold();
    const cutOff = ask('the database goes away in the middle');
    await sleep(ON_ITS_WAY_MILLIS);
    proxy.stop();
    await cutOff;
    await ask('the database is away');
    proxy.pass();
    // A breaker that opened would answer the next request without looking at it.
    await until(WITHIN_MILLIS, () => service.send(sendingOf(ground.settings.read)), isSuccess);
  }
  // The last lines of a log may still be on their way.
  await sleep(ON_ITS_WAY_MILLIS);
  return provoked;
}

function withFields(sending: Sending, change: (fields: object) => object): Sending {
  const fields: unknown = JSON.parse(sending.body ?? '{}');
  return typeof fields === 'object' && fields !== null ? { ...sending, body: JSON.stringify(change(fields)) } : sending;
}

function mapTexts(fields: object, change: (text: string) => unknown): object {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? change(value) : (value as unknown)]),
  );
}
