import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { infectedRequests, NO_CANARY, provoke } from './canary.ts';
import { drill, spokenStatuses } from './drill.ts';

const MOST_FINDINGS = 5;

/** log.levels. Nothing that a person typed stands in what the process says, on no path into an error. */
export const logLevels = drill('log.levels', async (ground) => {
  if (infectedRequests(ground).length === 0) return couldNotCheck(NO_CANARY);
  const service = await ground.start();
  const provoked = await provoke(ground, service);
  const output = service.output();
  const lines = output.split('\n');
  const leaks: Finding[] = provoked.flatMap(({ how, sending }) => {
    const found = lines.filter((line) => line.includes(sending.canary));
    return found.length === 0
      ? []
      : [
          finding(
            'fail',
            `What was sent stands in the log ${found.length} times after ${how}.`,
            undefined,
            ground.quoted(around(found[0] ?? '', sending.canary)),
          ),
        ];
  });
  return judged(leaks.slice(0, MOST_FINDINGS), [
    `${provoked.length} requests with marked values (${spokenStatuses(provoked.map(({ answer }) => answer))}), ${output.length} characters of output, ${leaks.length} of them seen in it.`,
  ]);
});

/** The part of a long line that shows it. */
function around(line: string, canary: string): string {
  const at = line.indexOf(canary);
  return line.slice(Math.max(0, at - 80), at + canary.length + 40);
}
