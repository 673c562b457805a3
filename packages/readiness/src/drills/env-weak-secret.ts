import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill } from './drill.ts';
import type { DrillGround } from './ground.ts';
import { spokenEnding } from './process.ts';
import type { WeakValue } from './settings.ts';

const START_MILLIS = 8_000;
/** Processes that start at the same time. */
const AT_ONCE = 3;
/** A shorter value may stand in a message by chance. */
const LEAST_CHARACTERS = 8;

/**
 * env.weak-secret. The service is started with each weak value of readiness.json and must end by itself, with a message that
 * names the key and not the value. With the right value it starts, or the drill says nothing.
 */
export const envWeakSecret = drill('env.weak-secret', async (ground) => {
  const cases = Object.entries(ground.settings.weakEnv).flatMap(([key, values]) => values.map((value) => ({ key, value })));
  if (cases.length === 0)
    return couldNotCheck(
      'readiness.json has no drill.weakEnv; add the keys that hold secrets, such as { "ENCRYPTION_KEY": [{ "repeat": "0", "times": 64 }, "short"] }',
    );
  await ground.start();
  const findings: Finding[] = [];
  const refused: string[] = [];
  for (let at = 0; at < cases.length; at += AT_ONCE) {
    const tried = await Promise.all(cases.slice(at, at + AT_ONCE).map((one) => tryWeak(ground, one)));
    for (const { found, said } of tried) {
      findings.push(...found);
      if (found.length === 0) refused.push(said);
    }
  }
  return judged(findings, refused.length > 0 ? [`Refused at start, with a message that names the key: ${refused.join(', ')}.`] : []);
});

async function tryWeak(
  ground: DrillGround,
  { key, value }: { key: string; value: WeakValue },
): Promise<{ said: string; found: Finding[] }> {
  const text = typeof value === 'string' ? value : value.repeat.repeat(value.times);
  const said = typeof value === 'string' ? `${key} = "${value}"` : `${key} = "${value.repeat}" ${value.times} times`;
  const service = await ground.begin({ [key]: text });
  const deadline = performance.now() + START_MILLIS;
  let isAlive = false;
  while (!isAlive && !service.ending() && performance.now() < deadline) {
    await sleep(50);
    isAlive = (await service.get(ground.settings.live, 1_000)).status === 200;
  }
  const ending = service.ending();
  await service.kill();
  const output = service.output();
  const fail = (message: string) => ({ said, found: [finding('fail', message)] });
  if (!ending) return fail(isAlive ? `The service starts with ${said}.` : `With ${said} the service neither starts nor ends.`);
  if (ending.code === 0) return fail(`With ${said} the process ends with ${spokenEnding(ending)}: nobody hears that it failed.`);
  if (text.length >= LEAST_CHARACTERS && output.includes(text)) return fail(`With ${said} the message at start repeats the value.`);
  if (!output.includes(key))
    return { said, found: [finding('warn', `With ${said} the process ends, and its message does not name ${key}.`)] };
  return { said, found: [] };
}
