import type { Project } from '../project/project.ts';
import { fixFlags } from './gcloud.ts';
import type { Patch } from './patch.ts';

/** Eighty requests at once in each instance, unless the project has chosen. */
export function fixConcurrency(project: Project): Patch[] {
  const isOpen = (given: string | null) => given === null || given === 'default';
  return fixFlags(
    project,
    [{ flag: 'concurrency', value: ({ get }) => (isOpen(get('concurrency')) ? '80' : null) }],
    'an instance takes at most 80 requests at once',
  );
}
