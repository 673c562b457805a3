// How many connections one process of a service may open.
import type { Place } from '../../check.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { nameOf, placeOf, visit } from '../../project/source.ts';
import { productionUrls } from '../env/urls.ts';
import { deployedWhole } from './deployed.ts';
import { optionOf, worthOf } from './options.ts';
import { readsItself, said, usesEngine } from './settings.ts';
import { clientSites, sourcesOf, type Site } from './sites.ts';

export type PoolSize = {
  /** Of the pool that requests use. */
  connections: number;
  /** Of other pools that every process has: health checks. */
  besides: number;
  /** Of pools of job queues. */
  queue: number;
  /** Where the numbers are written. */
  from: string;
};

/** What `pg` takes for a pool without `max`. */
const DRIVER_DEFAULT = 10;
const POOL_VARIABLE = /POOL_?(MAX|SIZE|LIMIT)|(MAX|LIMIT)_?(DB_|DATABASE_|PG_)?(POOL|CONNECTIONS?)|CONNECTION_LIMIT|MAX_CONNECTIONS/;

/** As processes of that role are deployed; null when no file says how large the pool is. */
export function poolSizeOf(project: Project, service: Service, runsAs: 'service' | 'worker' = 'service'): PoolSize | null {
  const sites = clientSites(project, service);
  const pools = sites.filter(({ what }) => what === 'pool');
  const mains = pools.filter(({ role }) => role === 'main');
  const isEngine = sites.some((site) => site.what === 'client' && usesEngine(project, site));
  const sizes = [...(isEngine ? [sizeInUrl(project)] : []), ...mains.map((site) => sizeOf(project, service, site, runsAs))];
  if (sizes.length === 0 || sizes.includes(null)) return null;
  const known = sizes.filter((one) => one !== null);
  return {
    connections: known.reduce((sum, { size }) => sum + size, 0),
    besides: pools.filter(({ role }) => role === 'small').length,
    queue: pools
      .filter(({ role }) => role === 'queue')
      .reduce((sum, site) => sum + (sizeOf(project, service, site, runsAs)?.size ?? DRIVER_DEFAULT), 0),
    from: known.map(({ from }) => from).join(', '),
  };
}

type Size = { size: number; from: string };

function sizeOf(project: Project, service: Service, { settings, place }: Site, runsAs: 'service' | 'worker'): Size | null {
  const max = optionOf(settings, 'max', project.resolve);
  if (max === 'absent') return { size: DRIVER_DEFAULT, from: `the driver's default, ${said(place)}` };
  if (max === 'unknown') return null;
  const { value, env } = worthOf(max, project.resolve);
  // A number that is written in the code is not changed from outside.
  const deployed = value !== undefined && env === undefined ? null : deployedSize(project, env, runsAs);
  if (deployed) return deployed;
  if (env === undefined && value === undefined && readsItself(project, service, 'connection_limit')) {
    const inUrl = sizeInUrl(project, ['deployment', 'production']);
    if (inUrl) return inUrl;
  }
  if (value !== undefined) return Number(value) > 0 ? { size: Number(value), from: said(placeOf(max.source, max.node)) } : null;
  const field = max.node.type === 'MemberExpression' && !max.node.computed ? nameOf(max.node.property) : '';
  return field ? onlyDefault(project, service, field) : null;
}

function deployedSize(project: Project, variable: string | undefined, runsAs: 'service' | 'worker'): Size | null {
  const isMeant = (name: string) => (variable === undefined ? POOL_VARIABLE.test(name) : name === variable);
  const deployed = deployedWhole(project, runsAs).flatMap(({ env }) => env.map(({ name, value, place }) => ({ name, value, place })));
  const inFiles = project.envFiles
    .filter(({ path }) => /prod/i.test(path))
    .flatMap(({ entries }) => entries.filter(({ isComment }) => !isComment).map(({ key, value, place }) => ({ name: key, value, place })));
  const found = [...deployed, ...inFiles].find(({ name, value }) => isMeant(name) && Number(value) > 0);
  return found ? { size: Number(found.value), from: `${found.name}, ${said(found.place)}` } : null;
}

function sizeInUrl(project: Project, froms?: string[]): Size | null {
  const found = productionUrls(project).find(
    ({ parameters, from }) => Number(parameters.get('connection_limit')) > 0 && (froms === undefined || froms.includes(from)),
  );
  return found ? { size: Number(found.parameters.get('connection_limit')), from: said(found.place) } : null;
}

/** A setting that is handed through has one default in the code: the only number that is written for a field of that name. */
function onlyDefault(project: Project, service: Service, field: string): Size | null {
  if (/^(max|size|limit|value|count)$/.test(field)) return null;
  const found: { size: number; place: Place }[] = [];
  for (const source of sourcesOf(project, service, field)) {
    visit(source, {
      Property({ key, value }) {
        if (nameOf(key) !== field || value.type !== 'Literal' || typeof value.value !== 'number') return;
        found.push({ size: value.value, place: placeOf(source, value) });
      },
    });
  }
  const [only, ...others] = found;
  return only && others.length === 0 ? { size: only.size, from: `default of ${field}, ${said(only.place)}` } : null;
}
