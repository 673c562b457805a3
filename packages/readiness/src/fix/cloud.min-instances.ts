import type { Project } from '../project/project.ts';
import { fixFlags } from './gcloud.ts';
import type { Patch } from './patch.ts';

/** One warm instance, unless there is one already. */
export function fixMinInstances(project: Project): Patch[] {
  const value = (given: string | null) => (given === null || given === '0' || given === 'default' ? '1' : null);
  return fixFlags(
    project,
    [{ flag: 'min-instances', value: ({ get }) => (get('min') === null ? value(get('min-instances')) : null) }],
    'one instance is kept warm',
  );
}
