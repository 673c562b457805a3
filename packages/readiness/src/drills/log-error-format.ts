import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { infectedRequests, NO_CANARY, provoke } from './canary.ts';
import { drill, spokenStatuses } from './drill.ts';
import { INNER_TEXT } from './inner-text.ts';

/** Prisma's `pretty` and `colorless` formats show the call with its arguments; `minimal` does not. */
const SHOWN_CALL = /Invalid `[^`]*(?:prisma|\.\w+\(\))[^`]*` invocation in\b[\s\S]{0,400}?→/;

/** log.error-format. Answers to failures hold neither what was sent nor what the driver said, and the log shows no call. */
export const logErrorFormat = drill('log.error-format', async (ground) => {
  if (infectedRequests(ground).length === 0) return couldNotCheck(NO_CANARY);
  const service = await ground.start();
  const provoked = await provoke(ground, service);
  const failed = provoked.filter(({ answer }) => answer.status >= 400);
  const findings: Finding[] = [];
  for (const { how, sending, answer } of failed) {
    const inner = INNER_TEXT.exec(answer.text)?.[0];
    if (inner)
      findings.push(finding('fail', `The answer (${answer.status}) to ${how} says what only the log may: "${ground.quoted(inner)}".`));
    else if (answer.text.includes(sending.canary))
      findings.push(finding(answer.status >= 500 ? 'fail' : 'warn', `The answer (${answer.status}) to ${how} repeats what was sent.`));
  }
  if (SHOWN_CALL.test(service.output()))
    findings.push(finding('warn', 'Prisma errors are written with the call and its arguments; errorFormat: "minimal" leaves them out.'));
  return judged(findings, [
    `${failed.length} answers to failures (${spokenStatuses(failed.map(({ answer }) => answer))}), ${findings.length === 0 ? 'none' : 'some'} with values or texts of the driver in them.`,
  ]);
});
