import { finding, judged, type Finding } from '../check.ts';
import { drill } from './drill.ts';

/** test.health. What a fresh process answers at its health paths has the shape that monitoring reads. */
export const testHealth = drill('test.health', async ({ start, settings }) => {
  const service = await start();
  const findings: Finding[] = [];
  const evidence: string[] = [];
  const look = async (path: string, words: RegExp, wanted: string) => {
    const { status, text } = await service.get(path);
    const body = objectOf(text);
    const said = `${path} is ${status}`;
    const given = typeof body?.['status'] === 'string' ? body['status'] : '';
    if (status !== 200) findings.push(finding('fail', `${said} on a service that is well.`));
    else if (!body) findings.push(finding('warn', `${said} and no JSON object.`));
    else if (!words.test(given)) findings.push(finding('warn', `${said}, and its "status" is not ${wanted}.`));
    else evidence.push(`${said} with status "${given}".`);
    return body;
  };
  await look(settings.health, /^(healthy|ok|up|pass|alive)$/i, '"healthy"');
  await look(settings.live, /^(alive|live|healthy|ok|up|pass)$/i, '"alive"');
  const ready = await look(settings.ready, /^(ready|healthy|ok|up|pass)$/i, '"ready"');
  const latency = ready && latencyOf(ready);
  if (ready && latency === null) findings.push(finding('warn', `${settings.ready} does not say how long the database took.`));
  if (latency !== null) evidence.push(`${settings.ready} reports the database with its latency (${latency} ms).`);
  return judged(findings, evidence);
});

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** A number by the name of a duration, however deep: services shape this in their own ways. */
function latencyOf(value: object): number | null {
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner === 'number' && /latency|duration|response_?time|millis|^ms$|_ms$/i.test(key)) return inner;
    const deeper = inner !== null && typeof inner === 'object' ? latencyOf(inner) : null;
    if (deeper !== null) return deeper;
  }
  return null;
}
