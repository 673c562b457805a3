import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding, type Judgement } from '../../check.ts';
import { fixShutdown } from '../../fix/pool.shutdown.ts';
import { poolShutdown } from '../../drills/pool-shutdown.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { eachService, OWN_SERVERS } from './services.ts';
import { said } from './settings.ts';
import { endings, signalHandlers, type Handler } from './signals.ts';
import { sourcesOf } from './sites.ts';

export const shutdown: Check = {
  id: 'pool.shutdown',
  title: 'A signal lets requests finish before the pool closes',
  category: 'Connection pool',
  severity: 'high',
  why: 'Every deployment and every scale-in sends SIGTERM. Without a handler, or with one that closes the database first, each of them breaks the requests that are running.',
  link: 'https://cloud.google.com/run/docs/container-contract#instance-shutdown',
  looksFor:
    'a handler for SIGTERM and SIGINT that closes the server and waits, then closes the pool; through functions and methods of the project, lifecycle objects, and the hooks of NestJS and Fastify',
  remedy: 'In one handler: stop taking requests, wait for those in flight (at most 8 s), stop jobs, then close client and pool, then exit.',
  example: (project) => (project.services.some(({ framework }) => framework === '@nestjs/core') ? NEST : PLAIN),
  effort: '2 hours',
  static: (project) => eachService(project, (service) => judge(project, service)),
  drill: poolShutdown,
  fix: fixShutdown,
};

const NEST = {
  language: 'ts',
  before: 'const app = await NestFactory.create(AppModule);\nawait app.listen(port);',
  after:
    'const app = await NestFactory.create(AppModule);\napp.enableShutdownHooks();\nawait app.listen(port);\n\n// in the service that extends PrismaClient\nasync onModuleDestroy() {\n  await this.$disconnect();\n}',
};

const PLAIN = {
  language: 'ts',
  before: "process.on('SIGTERM', async () => {\n  await prisma.$disconnect();\n  process.exit(0);\n});",
  after:
    "for (const signal of ['SIGTERM', 'SIGINT'] as const)\n  process.once(signal, () => {\n    setTimeout(() => process.exit(1), 9_500).unref();\n    server.close(async () => {\n      await prisma.$disconnect();\n      await pool.end();\n      process.exit(0);\n    });\n  });",
};

function judge(project: Project, service: Service): Judgement {
  const handlers = signalHandlers(project, service).filter(isEnding);
  if (handlers.length === 0) return withoutHandler(project, service);
  const findings: Finding[] = [];
  const evidence: string[] = [];
  for (const [signal, grade] of [
    ['SIGTERM', 'fail'],
    ['SIGINT', 'warn'],
  ] as const) {
    if (handlers.some(({ signals }) => signals.includes(signal))) continue;
    findings.push(finding(grade, `nobody handles ${signal} in ${service.name}`, handlers[0]?.place));
  }
  // One that only exits beside others is a duplicate, which pool.duplicate-shutdown reports.
  const doing = handlers.filter(({ reach, drains }) => drains || reach.calls.some(({ kind }) => kind !== 'exit'));
  for (const handler of doing.length > 0 ? doing : handlers) {
    const wrong = wrongWith(project, service, handler);
    if (wrong) findings.push(wrong);
    else evidence.push(`${handler.signals.join(' and ')} at ${said(handler.place)}: requests finish, then the pool closes`);
  }
  const [first] = findings;
  const onlyOnce = findings.filter((one) => one === first || one.message !== first?.message || one.place?.file !== first.place?.file);
  return judged(onlyOnce, evidence);
}

function isEnding({ reach, drains }: Handler): boolean {
  return drains || reach.calls.length > 0;
}

function wrongWith(project: Project, service: Service, { reach, drains, place, excerpt, by }: Handler): Finding | null {
  const has = (kind: string) => reach.calls.some((call) => call.kind === kind);
  const closesElsewhere = () => endings(project, service, 'pool').length > 0;
  if (drains) {
    const order = reach.calls.map(({ kind }) => kind);
    if (has('pool') && has('drain') && order.indexOf('pool') < order.indexOf('drain'))
      return finding('warn', 'the pool closes before the server has finished, and requests in flight lose their database', place, excerpt);
    if (has('pool') || closesElsewhere()) return null;
    const hook = by === 'NestJS' ? '; give the service that extends PrismaClient an onModuleDestroy with $disconnect' : '';
    return finding('warn', `nothing closes the pool when the process ends${hook}`, place, excerpt);
  }
  // A lifecycle object ends parts that were handed to it: the server and the pool must be ended somewhere.
  if (has('other') && !has('pool') && endings(project, service, 'drain').length > 0 && closesElsewhere()) return null;
  if (has('pool'))
    return finding(
      'warn',
      'the pool closes while requests are in flight, and they are lost: nothing closes the server and waits',
      place,
      excerpt,
    );
  return finding('fail', 'the process exits at once: requests in flight are lost', place, excerpt);
}

function withoutHandler(project: Project, service: Service): Judgement {
  if (service.framework && OWN_SERVERS.has(service.framework))
    return notApplicable(`${service.framework} starts the server of ${service.name} and ends it on a signal`);
  const listens = sourcesOf(project, service, '.listen(', 'serve(', 'createServer(');
  if (listens.length === 0) return couldNotCheck(`nothing that listens was found in ${service.name}`);
  const [entry] = listens;
  return judged([
    finding(
      'fail',
      `nobody handles SIGTERM in ${service.name}: the process ends at once, with the requests in flight`,
      entry && { file: entry.path, line: 1 },
    ),
  ]);
}
