import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill } from './drill.ts';
import { getting, send, sendingOf } from './http.ts';
import { burst } from './load.ts';

const REQUESTS = 30;
/** What an operator needs to see, by the names that libraries give it. */
const WANTED: { what: string; name: RegExp; moves: boolean }[] = [
  { what: 'requests', name: /http.*(request|response|duration)|^requests?_/i, moves: true },
  { what: 'queries', name: /(quer(y|ies)|statement)/i, moves: true },
  { what: 'connections of the pool', name: /pool|db_client_connections?/i, moves: false },
  { what: 'waiting for a connection', name: /wait|pending|acquire/i, moves: false },
  { what: 'event loop', name: /event_?loop/i, moves: false },
  { what: 'memory', name: /memory|heap|rss/i, moves: false },
];

/** monitor.metrics. The figures are there by name, and those of work move when work is done. */
export const monitorMetrics = drill('monitor.metrics', async ({ start, settings }) => {
  const service = await start();
  const path = settings.metrics ?? '/metrics';
  const base = service.metricsUrl ?? service.url;
  const read = async () => {
    const { status, text } = await send(base, getting(path), 5_000);
    return { status, figures: figuresOf(text) };
  };
  const before = await read();
  if (before.status !== 200 || before.figures.size === 0) {
    const said = `${path} is answered ${before.status || 'not at all'} on ${service.metricsUrl ? 'the port of metrics' : "the service's own port"}`;
    return settings.metrics || settings.metricsPortEnv
      ? judged([finding('fail', `${said}, without metrics.`)])
      : couldNotCheck(`${said}; say in readiness.json where the metrics are (drill.metrics, drill.metricsPortEnv)`);
  }
  await burst(REQUESTS, () => service.send(sendingOf(settings.read)));
  const after = await read();

  const findings: Finding[] = [];
  const evidence: string[] = [];
  for (const { what, name, moves } of WANTED) {
    const names = [...after.figures.keys()].filter((one) => name.test(one));
    const moved = names.filter((one) => after.figures.get(one) !== before.figures.get(one));
    if (names.length === 0) findings.push(finding('warn', `No metric tells of ${what}.`));
    else if (moves && moved.length === 0)
      findings.push(finding('fail', `Metrics of ${what} (${names[0]} ...) do not move with ${REQUESTS} requests.`));
    else evidence.push(`${what}: ${(moves ? moved : names).slice(0, 3).join(', ')}${moves ? ' moved' : ''}`);
  }
  return judged(findings, [`${after.figures.size} metrics at ${path}, before and after ${REQUESTS} requests. ${evidence.join('; ')}.`]);
});

/** Each metric of Prometheus' text form, with the sum of its series. */
function figuresOf(text: string): Map<string, number> {
  const figures = new Map<string, number>();
  for (const [, name = '', value = ''] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{[^\n]*\})? ([-+.\deE]+)(?: \d+)?$/gm))
    figures.set(name, (figures.get(name) ?? 0) + Number(value));
  return figures;
}
