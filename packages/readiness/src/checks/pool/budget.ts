import { couldNotCheck, finding, judged, notApplicable, type Check, type Judgement, type Place } from '../../check.ts';
import type { LiveDatabase } from '../../live/database.ts';
import type { Deployment } from '../../project/deployment.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { isInfrastructure, reachingDatabase } from '../cloud/services.ts';
import { deployedWhole } from './deployed.ts';
import { maxConnections } from './server.ts';
import { said } from './settings.ts';
import { poolSizeOf, type PoolSize } from './size.ts';

/** Superuser and agents of the provider (8), people, backups and the migration job (5). */
const RESERVE = 13;
/** The rest is for connections that are just being replaced. */
const SHARE = 0.9;
/** While a revision replaces another, both run. */
const OVERLAP = 2;
/** Where neither the service nor its command says otherwise. */
const CLOUD_RUN_INSTANCES = 100;

export const budget: Check = {
  id: 'pool.budget',
  title: 'All instances together fit the server',
  category: 'Connection pool',
  severity: 'critical',
  why: 'PostgreSQL refuses connections above max_connections. The sum that counts is that of a deployment under load, when old and new instances run side by side.',
  link: 'https://www.postgresql.org/docs/current/runtime-config-connection.html',
  looksFor:
    'instances x 2 (old and new revision) x (pool + health connection) + workers + 13 in reserve <= 90 % of max_connections, from the deployment, the code and the server',
  remedy:
    'Lower the pool or the number of instances, or raise max_connections, until the sum fits; the finding names the largest pool that does.',
  example: {
    language: 'text',
    before: '10 instances x 2 x (10 + 1) + 13 = 233 of 100',
    after: '10 instances x 2 x (8 + 1) + 22 for workers + 13 = 215 of 250, 90 % of which are 225',
  },
  effort: '30 minutes',
  static: (project) => {
    const server = maxConnections(project);
    return weigh(project, server && { max: server.value, reserve: RESERVE, from: said(server.place) });
  },
  database: async (database, project) => weigh(project, await askServer(database)),
};

type Server = { max: number; reserve: number; from: string };

type Row = { max: number; superuser: number; reserved: number | null; agents: number };

async function askServer(database: LiveDatabase): Promise<Server> {
  const [row] = await database.query<Row>(`
    SELECT current_setting('max_connections')::int AS max, current_setting('superuser_reserved_connections')::int AS superuser,
      current_setting('reserved_connections', true)::int AS reserved,
      (SELECT count(*)::int FROM pg_stat_activity WHERE usename LIKE 'cloudsql%') AS agents`);
  if (!row) throw new Error('the server did not say its max_connections');
  return { max: row.max, reserve: Math.max(RESERVE, row.superuser + (row.reserved ?? 0) + row.agents + 5), from: 'the server' };
}

/** One service with what it opens, as it is deployed. */
type Use = { service: Service; size: PoolSize | null; inWorker: PoolSize | null; instances: Count | null; workers: Count | null };
type Count = { value: number; overlap: number; said: string; place: Place };

function weigh(project: Project, server: Server | null): Judgement {
  if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
  const uses = project.services.map((service): Use => {
    const [size, inWorker] = [poolSizeOf(project, service), poolSizeOf(project, service, 'worker')];
    return { service, size, inWorker, instances: countOf(project, service, 'service'), workers: countOf(project, service, 'worker') };
  });
  const lacking = uses.flatMap(({ service, size, instances }) => [
    ...(size ? [] : [`the pool size of ${service.name} is not written down`]),
    ...(instances ? [] : [`no deployment file says how many instances of ${service.name} run at most`]),
  ]);
  if (!server) lacking.push('no file says max_connections of the server');
  const evidence = uses.flatMap(sayUse);
  const sums = uses.map(sumOf);
  const total = sums.reduce((sum, one) => sum + one.connections, server?.reserve ?? RESERVE);
  const text = [...sums.map((one) => one.text).filter(Boolean), `${server?.reserve ?? RESERVE} in reserve`].join(' + ');
  if (lacking.length > 0) {
    const known = uses.every(({ size, instances }) => size && instances)
      ? [`${text} = ${total}: the server needs at least ${Math.ceil(total / SHARE)}`]
      : [];
    return { ...couldNotCheck([...lacking, ...safePools(uses, server)].join('; ')), evidence: [...evidence, ...known] };
  }
  if (!server) return couldNotCheck('');
  const allowed = Math.floor(server.max * SHARE);
  const sum = `${text} = ${total}; ${allowed} of ${server.max} (${server.from}) may be used`;
  const safe = safePools(uses, server);
  if (total <= allowed) return judged([], [sum, ...safe, ...evidence]);
  const place = uses.find(({ instances }) => instances)?.instances?.place;
  return judged([finding('fail', [sum, ...safe].join('; '), place)], evidence);
}

function sumOf(use: Use): { connections: number; text: string } {
  const { size, instances, workers } = use;
  if (!size || !instances) return { connections: 0, text: '' };
  // Where workers run apart, the service does not run jobs.
  const besides = size.besides + (workers ? 0 : size.queue);
  const own = instances.value * instances.overlap * (size.connections + besides);
  const text = `${instances.value} x ${instances.overlap} x ${besides > 0 ? `(${size.connections} + ${besides})` : size.connections}`;
  const apart = inWorkers(use);
  return { connections: own + apart, text: apart > 0 ? `${text} + ${apart} for workers` : text };
}

function inWorkers({ size, inWorker, workers }: Use): number {
  const each = inWorker ?? size;
  return workers && each ? workers.value * workers.overlap * (each.connections + each.besides + each.queue) : 0;
}

function sayUse({ service, size, instances }: Use): string[] {
  return [
    ...(size ? [`${service.name}: a pool of ${size.connections} (${size.from})`] : []),
    ...(instances ? [`${service.name}: ${instances.said} (${said(instances.place)})`] : []),
  ];
}

/** The largest pool of each service with which everything fits, the others left as they are. */
function safePools(uses: Use[], server: Server | null): string[] {
  if (!server) return [];
  return uses.flatMap((use) => {
    const { service, size, instances, workers } = use;
    const others = uses.filter((one) => one !== use);
    if (!instances || others.some((one) => !one.size || !one.instances)) return [];
    const fixed = others.reduce((sum, one) => sum + sumOf(one).connections, server.reserve + inWorkers(use));
    const besides = (size?.besides ?? 1) + (workers ? 0 : (size?.queue ?? 0));
    const room = Math.floor((server.max * SHARE - fixed) / (instances.value * instances.overlap)) - besides;
    return [
      room > 0
        ? `the largest safe pool of ${service.name} is ${room}`
        : `no pool of ${service.name} fits; run fewer instances or raise max_connections`,
    ];
  });
}

function countOf(project: Project, service: Service, role: 'service' | 'worker'): Count | null {
  const own = deployedWhole(project, role).filter(
    (one) => !isInfrastructure(one) && !/staging|stage|preview|\bdev\b|test/i.test(`${one.name} ${one.place.file}`),
  );
  const mine = project.services.length === 1 ? reachingDatabase(own) : own.filter((one) => isOf(one, service));
  // What developers start counts only where nothing else is deployed.
  const real = mine.filter(({ platform }) => platform !== 'compose' && platform !== 'docker');
  const counted = real.length > 0 ? real : mine;
  const counts = [...Map.groupBy(counted, ({ name }) => name).values()].map((same) => largest(same.map(instancesOf)));
  if (counts.length === 0 || counts.includes(null)) return null;
  const all = counts.filter((one) => one !== null);
  const [first] = all;
  return first ? { ...first, value: all.reduce((sum, { value }) => sum + value, 0), said: all.map((one) => one.said).join(', ') } : null;
}

function largest(counts: (Count | null)[]): Count | null {
  return counts.reduce((most, one) => (most && one && one.value > most.value ? one : (most ?? one)), null);
}

function instancesOf({ platform, name, maxInstances, place, role }: Deployment): Count | null {
  if (maxInstances)
    return {
      value: maxInstances.value,
      overlap: OVERLAP,
      said: `at most ${maxInstances.value} ${maxInstances.value === 1 ? 'instance' : 'instances'} of ${name}`,
      place: maxInstances.place,
    };
  if (platform === 'cloud-run' && role === 'service')
    return {
      value: CLOUD_RUN_INSTANCES,
      overlap: OVERLAP,
      said: `${name} says no maximum; Cloud Run's own is ${CLOUD_RUN_INSTANCES} instances`,
      place,
    };
  if (platform === 'compose' || platform === 'docker' || role === 'worker')
    return { value: 1, overlap: platform === 'compose' ? 1 : OVERLAP, said: `one instance of ${name}`, place };
  return null;
}

function isOf({ name }: Deployment, service: Service): boolean {
  const words = (text: string) =>
    text
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter(Boolean);
  const wanted = new Set([words(service.name).at(-1), words(service.dir).at(-1)]);
  return words(name).some((word) => wanted.has(word));
}
