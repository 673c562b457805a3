import { finding, judged, type Finding } from '../check.ts';
import { drill, spoken } from './drill.ts';
import { INNER_TEXT } from './inner-text.ts';
import { until } from './load.ts';

const DOWN_MILLIS = 2_000;
const UP_MILLIS = 3_000;
/** How long the drill waits before it says "never". */
const PATIENCE_MILLIS = 5_000;
/** A good answer may be kept for two seconds, and the question takes one. */
const SILENT_MILLIS = 5_000;

/**
 * health.readiness. When the database goes away readiness is 503 within two seconds, without a word about why, and within three
 * seconds of its return 200 again. A database that only falls silent is noticed as well.
 */
export const healthReadiness = drill('health.readiness', async ({ start, settings, proxy, quoted }) => {
  const service = await start();
  const ask = () => service.get(settings.ready, PATIENCE_MILLIS);
  const findings: Finding[] = [];
  const evidence: string[] = [];

  const outage = async (during: string, since: string, limitMillis: number, grade: Finding['grade']) => {
    const down = await until(PATIENCE_MILLIS, ask, ({ status }) => status !== 200);
    if (!down) findings.push(finding(grade, `${settings.ready} stays 200 while the database ${during}: it does not ask it.`));
    else if (down.answer.status !== 503)
      findings.push(
        finding(
          grade,
          `While the database ${during}, ${settings.ready} is answered ${down.answer.status || `not at all (${down.answer.lost})`} instead of 503.`,
        ),
      );
    else if (down.millis > limitMillis)
      findings.push(
        finding(
          grade,
          `${settings.ready} was 503 only ${spoken(down.millis)} after the database ${since}; ${spoken(limitMillis)} are allowed.`,
        ),
      );
    else evidence.push(`${settings.ready} is 503 ${spoken(down.millis)} after the database ${since}.`);
    const inner = down && (INNER_TEXT.exec(down.answer.text)?.[0] ?? /127\.0\.0\.1|localhost/.exec(down.answer.text)?.[0]);
    if (inner) findings.push(finding('fail', `Its answer says to everybody who asks: "${quoted(inner)}".`));
    proxy.pass();
    const up = await until(PATIENCE_MILLIS, ask, ({ status }) => status === 200);
    if (!up) findings.push(finding('fail', `${settings.ready} was not 200 within ${spoken(PATIENCE_MILLIS)} of the database's return.`));
    else if (down && up.millis > UP_MILLIS)
      findings.push(finding('fail', `${settings.ready} was 200 only ${spoken(up.millis)} after the database's return.`));
    else if (down) evidence.push(`It is 200 again ${spoken(up.millis)} after the database's return.`);
  };

  proxy.stop();
  await outage('is gone', 'went away', DOWN_MILLIS, 'fail');
  if (findings.length > 0) return judged(findings, evidence);
  proxy.hold();
  await outage('is silent', 'fell silent', SILENT_MILLIS, 'warn');
  return judged(findings, [...evidence, 'The server itself was left alone: a proxy of the audit is the road to it, and was closed.']);
});
