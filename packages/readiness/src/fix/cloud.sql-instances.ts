import type { Project } from '../project/project.ts';
import { fixFlags } from './gcloud.ts';
import type { Patch } from './patch.ts';

/** The instance that the project names somewhere, or a placeholder that a deployment refuses until it is filled in. */
export function fixSqlInstances(project: Project): Patch[] {
  const instance = instanceOf(project) ?? 'PROJECT:REGION:INSTANCE';
  const isMounted = (get: (flag: string) => string | null) =>
    get('add-cloudsql-instances') !== null || get('set-cloudsql-instances') !== null;
  const value = ({ get }: { get: (flag: string) => string | null }) => (isMounted(get) ? null : instance);
  return fixFlags(project, [{ flag: 'add-cloudsql-instances', value }], 'the database instance is mounted as a socket');
}

function instanceOf({ envFiles }: Project): string | null {
  const values = envFiles.flatMap(({ entries }) => entries.map(({ value }) => value));
  return values.flatMap((value) => /\/cloudsql\/([a-z][\w.:-]*:[a-z0-9-]+:[a-z0-9-]+)/.exec(value)?.[1] ?? [])[0] ?? null;
}
