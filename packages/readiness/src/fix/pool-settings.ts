// One setting of the pool, where the project's driver reads it: in the URL of Prisma's own engine, or in the options of node-postgres.
import type { EnvEntry } from '../project/env.ts';
import type { Project } from '../project/project.ts';
import { propertyOf } from '../project/source.ts';
import { propertyValue } from '../project/values.ts';
import { constructions } from './client.ts';
import { edited, patchOf, withProperty, type Edit } from './edit.ts';
import type { Patch } from './patch.ts';

export type PoolSetting = { parameter: string; inUrl: string; option: string; inCode: string; why: string };

export function fixPoolSetting(project: Project, setting: PoolSetting): Patch[] {
  if (!project.prisma) return inOptions(project, setting);
  return project.prisma.hasAdapter ? inOptions(project, setting) : inUrls(project, setting);
}

/** The variables that the schema reads its address from; the address for migrations is another one. */
function urlVariables({ schemas }: Project): Set<string> {
  const names = schemas.flatMap(({ blocks }) =>
    blocks.flatMap(({ kind, settings }) => (kind === 'datasource' ? (settings.get('url')?.value ?? []) : [])),
  );
  return new Set(names.flatMap((value) => /^env\(\s*"(\w+)"\s*\)$/.exec(value)?.[1] ?? []));
}

function inUrls(project: Project, { parameter, inUrl, why }: PoolSetting): Patch[] {
  const variables = urlVariables(project);
  return project.envFiles.flatMap(({ path, entries }) => {
    const text = project.files.read(path);
    if (text === null) return [];
    const wanted = entries.filter((entry) => variables.has(entry.key) && lacks(entry, parameter));
    const edits = wanted.flatMap((entry) => appended(text, entry, `${parameter}=${inUrl}`));
    const after = edited(text, edits);
    return after === text ? [] : [{ file: path, before: text, after, why }];
  });
}

function lacks({ value, isComment }: EnvEntry, parameter: string): boolean {
  return !isComment && /^postgres(ql)?:\/\//.test(value) && !new RegExp(`[?&]${parameter}=`).test(value);
}

function appended(text: string, { value, place }: EnvEntry, parameter: string): Edit[] {
  const start = text.split('\n', place.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  const end = text.indexOf('\n', start);
  const at = text.slice(start, end === -1 ? undefined : end).lastIndexOf(value);
  if (at === -1) return [];
  const after = start + at + value.length;
  return [{ start: after, end: after, text: `${value.includes('?') ? '&' : '?'}${parameter}` }];
}

function inOptions(project: Project, { option, inCode, why }: PoolSetting): Patch[] {
  return project.services.flatMap((service) => {
    const pools = constructions(project, service, 'Pool', 'PrismaPg');
    const bySource = Map.groupBy(pools, ({ source }) => source);
    return [...bySource].flatMap(([source, some]) => {
      const edits = some.flatMap(({ options, node }): Edit[] => {
        if (options === null)
          return source.text.endsWith('()', node.end) ? [{ start: node.end - 1, end: node.end - 1, text: `{ ${option}: ${inCode} }` }] : [];
        // What a spread brings is not known: it may set the option already.
        if (!options || options.properties.some(({ type }) => type === 'SpreadElement')) return [];
        const isSet = propertyOf(options, option) !== null || propertyValue(options, option, source, project.resolve) !== null;
        return isSet ? [] : withProperty(source, options, `${option}: ${inCode}`);
      });
      return patchOf(source, edits, why);
    });
  });
}
