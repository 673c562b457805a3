// Where the pool of a service takes its settings from, by the project's own Prisma: the URL (the engine of Prisma up to 6), or what
// the pool of the driver is given. A parameter that the driver in use never reads sets nothing.
import { couldNotCheck, finding, judged, type Finding, type Judgement, type Place } from '../../check.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { placeOf, visit } from '../../project/source.ts';
import { databaseUrls, hiddenUrls, productionUrls, type DatabaseUrl } from '../env/urls.ts';
import { optionOf, worthOf } from './options.ts';
import { clientSites, sourcesOf, type Site } from './sites.ts';

/** One setting of the pool, in both places. */
export type PoolSetting = {
  /** In the URL, for the engine; and what the engine takes without it. */
  parameter: string;
  engineDefault: string;
  /** In the settings of the driver's pool; and what it takes without it. */
  option: string;
  driverDefault: string;
  /** URL parameters that say this and that the driver never reads. */
  ignored: string[];
  /** What is wrong with a number, in the unit of where it stands; null when nothing is. */
  judge: (value: number, unit: 'parameter' | 'option') => { grade: Finding['grade']; what: string } | null;
};

export function judgeSetting(project: Project, service: Service, setting: PoolSetting): Judgement {
  const sites = clientSites(project, service);
  const parts: Judgement[] = [];
  const pools = sites.filter(({ what, role }) => what === 'pool' && role === 'main');
  if (pools.length > 0) parts.push(...pools.map((site) => inPool(project, site, setting)), ignoredParameters(project, service, setting));
  const clients = sites.filter(({ what }) => what === 'client');
  if (clients.some((site) => usesEngine(project, site))) parts.push(inUrl(project, service, setting));
  else if (clients.length > 0 && pools.length === 0)
    parts.push(couldNotCheck(`the pool that ${service.name} gives to Prisma's adapter was not found`));
  if (parts.length === 0) parts.push(couldNotCheck(`no construction of a client or a pool was found in ${service.name}`));
  return parts.length === 1 && parts[0] ? parts[0] : merged(parts);
}

/** True when queries run through Prisma's own engine, whose pool the URL sets. */
export function usesEngine(project: Project, { settings }: Site): boolean {
  if ((project.prisma?.major ?? 0) >= 7) return false;
  const adapter = optionOf(settings, 'adapter', project.resolve);
  return adapter === 'absent' || (adapter === 'unknown' && !project.prisma?.hasAdapter);
}

function merged(parts: Judgement[]): Judgement {
  const hidden = parts.find(({ verdict }) => verdict === 'could not check');
  const all = judged(
    parts.flatMap(({ findings }) => findings),
    parts.flatMap(({ evidence }) => evidence),
  );
  return hidden && all.findings.length === 0 ? { ...hidden, evidence: all.evidence } : all;
}

function inPool(project: Project, { settings, place, excerpt, name }: Site, { option, driverDefault, judge }: PoolSetting): Judgement {
  const found = optionOf(settings, option, project.resolve);
  if (found === 'unknown') return couldNotCheck(`what ${name} is given at ${said(place)} cannot be seen`);
  if (found === 'absent') return judged([finding('fail', `${name} is made without ${option}: ${driverDefault}`, place, excerpt)]);
  const at = placeOf(found.source, found.node);
  const { value, env } = worthOf(found, project.resolve);
  const wrong = value === undefined ? null : judge(Number(value), 'option');
  if (wrong) return judged([finding(wrong.grade, `${option} is ${value}: ${wrong.what}`, at)]);
  const worth = [value === undefined ? 'set' : String(value), env ? `(${env})` : ''].filter(Boolean).join(' ');
  return judged([], [`${option} of ${name} is ${worth} at ${said(at)}`]);
}

/** What does the work of a parameter that has nothing to do with the size. */
const INSTEAD: Record<string, string> = {
  schema: 'give `schema` to the adapter',
  pgbouncer: 'nothing is needed for a pooler that knows prepared statements',
};

/** Prisma writes `schema=public` into every new project, and public is where the driver looks anyway. */
function isHarmless(name: string, value: string | undefined): boolean {
  return name === 'schema' && value === 'public';
}

/** Parameters that Prisma's engine reads do nothing with a driver of JavaScript, unless the project reads them itself. */
function ignoredParameters(project: Project, service: Service, { ignored, option }: PoolSetting): Judgement {
  const used = databaseUrls(project).filter(({ isComment }) => !isComment);
  const findings = ignored.flatMap((name) => {
    const holders = used.filter(({ parameters }) => parameters.has(name) && !isHarmless(name, parameters.get(name)));
    if (holders.length === 0 || readsItself(project, service, name)) return [];
    return holders.map(({ place, key }) =>
      finding('warn', `${key} has ${name}, which the driver ignores; ${INSTEAD[name] ?? `set ${option} where the pool is made`}`, place),
    );
  });
  return judged(findings);
}

export function readsItself(project: Project, service: Service, name: string): boolean {
  return literalsOf(project, service, name, (text) => text === name).length > 0;
}

/** Where production code of the service writes such a text. */
function literalsOf(project: Project, service: Service, word: string, isMeant: (text: string) => boolean): Place[] {
  const places: Place[] = [];
  for (const source of sourcesOf(project, service, word)) {
    visit(source, {
      Literal(node) {
        if (typeof node.value === 'string' && isMeant(node.value)) places.push(placeOf(source, node));
      },
      TemplateElement(node) {
        if (isMeant(node.value.raw)) places.push(placeOf(source, node));
      },
    });
  }
  return places;
}

function inUrl(project: Project, service: Service, { parameter, engineDefault, judge }: PoolSetting): Judgement {
  const [inCode] = literalsOf(project, service, parameter, (text) => text === parameter || text.includes(`${parameter}=`));
  if (inCode) return judged([], [`${parameter} is put into the URL by the code (${said(inCode)})`]);
  const findings: Finding[] = [];
  const evidence: string[] = [];
  const urls = productionUrls(project);
  const hidden = hiddenUrls(project);
  for (const url of urls) {
    const text = url.parameters.get(parameter);
    if (text === undefined)
      findings.push(finding(gradeOf(url, hidden.length > 0), `${url.key} has no ${parameter}: ${engineDefault}`, url.place));
    else if (/^\d+$/.test(text)) {
      const wrong = judge(Number(text), 'parameter');
      if (wrong) findings.push(finding(wrong.grade, `${parameter}=${text} in ${url.key}: ${wrong.what}`, url.place));
    }
    if (text !== undefined) evidence.push(`${parameter}=${text} (${said(url.place)})`);
  }
  const isSeen = urls.some(({ from }) => from !== 'template');
  if (findings.length > 0 || (isSeen && hidden.length === 0)) return judged(findings, evidence);
  if (hidden[0]) return { ...couldNotCheck(`${hidden[0].name} comes from a secret (${said(hidden[0].place)})`), evidence };
  // The template is all that the repository says; who copies it has the setting.
  return urls.length > 0 ? judged([], evidence) : couldNotCheck('no file says which URL the service gets in production');
}

/** A template on a local host may be completed where it is used. */
function gradeOf({ from, hostKind }: DatabaseUrl, isHidden: boolean): Finding['grade'] {
  return from === 'template' && (isHidden || hostKind === 'loopback' || hostKind === 'container') ? 'warn' : 'fail';
}

export function said({ file, line }: Place): string {
  return `${file}:${line}`;
}
