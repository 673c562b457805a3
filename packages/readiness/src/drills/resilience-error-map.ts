import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill } from './drill.ts';
import { again, isSuccess, sendingOf, type Answer, type Sending } from './http.ts';
import { INNER_TEXT } from './inner-text.ts';
import type { DrillRequest } from './settings.ts';

const WITHIN_MILLIS = 10_000;

/**
 * resilience.error-map. What HTTP can provoke (not found, refused input, a duplicate, no database) is answered by its class,
 * 4xx or 503 and never 500, in words that do not depend on what was sent and say nothing of the inside.
 */
export const resilienceErrorMap = drill('resilience.error-map', async ({ start, settings, proxy, quoted }) => {
  const service = await start();
  const findings: Finding[] = [];
  const evidence: string[] = [];
  const judge = (how: string, answer: Answer, wanted: number[]) => {
    const { status, text, lost } = answer;
    const said = lost === null ? String(status) : `not at all (${lost})`;
    const inner = INNER_TEXT.exec(text)?.[0];
    if (status === 0 || status === 500 || status >= 500 !== wanted.includes(503))
      findings.push(finding('fail', `${how} is answered ${said} instead of ${wanted.join(' or ')}.`));
    else if (!wanted.includes(status)) findings.push(finding('warn', `${how} is answered ${said}; expected is ${wanted.join(' or ')}.`));
    else evidence.push(`${how}: ${status}`);
    if (inner) findings.push(finding('fail', `The answer to ${how} says what only the log may: "${quoted(inner)}".`));
  };
  const ask = (sending: Sending) => service.send(sending, WITHIN_MILLIS);

  judge('a path that does not exist', await ask(sendingOf({ ...settings.read, path: '/no-such-path-{{uuid}}' })), [404]);
  if (settings.missing) {
    const [one, other] = [await ask(sendingOf(settings.missing)), await ask(sendingOf(settings.missing))];
    judge('something that does not exist', one, [404]);
    if (bare(one.text) !== bare(other.text))
      findings.push(finding('warn', 'The answer to something that does not exist is another one for another id.'));
  } else evidence.push('not tried: an unknown id (no drill.missing)');

  const change = settings.write ?? settings.duplicate;
  if (change) {
    const valid = sendingOf(change);
    judge('a body that is no JSON', await ask({ ...valid, body: '{"a":' }), [400, 422]);
    judge('a body that lacks everything', await ask({ ...valid, body: '{}' }), [400, 422]);
  }
  const refused = settings.duplicate ? await refusedTwice(settings.duplicate, ask) : null;
  if (refused) {
    for (const answer of refused) judge('the same change again', answer, [409, 422, 400]);
    if (new Set(refused.map(({ text }) => bare(text))).size > 1)
      findings.push(finding('warn', 'The answer to a duplicate depends on what was sent.'));
  } else evidence.push('not tried: a duplicate (no drill.duplicate)');

  proxy.stop();
  judge('a request without a database', await ask(sendingOf(settings.read)), [503]);
  if (!change && !settings.missing)
    return couldNotCheck('readiness.json has no drill.write, drill.duplicate and drill.missing to provoke errors with');
  return judged(findings, [`${evidence.join('; ')}.`]);
});

/** What two different changes are answered when each comes a second time. */
async function refusedTwice(request: DrillRequest, ask: (sending: Sending) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let round = 0; round < 2; round++) {
    const sending = sendingOf(request);
    const first = await ask(sending);
    if (!isSuccess(first)) throw new Error(`drill.duplicate is answered ${first.status} at its first time; give one that succeeds once`);
    answers.push(await ask(again(sending, request)));
  }
  return answers;
}

/** Without what differs between any two answers: ids, times, numbers. */
function bare(text: string): string {
  return text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.Z+-]+|\b[0-9a-f]{12,}\b|\d+/gi, '*');
}
