import type { Project } from '../project/project.ts';
import type { Patch } from './patch.ts';
import { fixPoolSetting } from './pool-settings.ts';

/** Whoever waits for a connection is told so after three seconds. With node-postgres one option bounds waiting and connecting. */
export function fixWaitTimeout(project: Project): Patch[] {
  return fixPoolSetting(project, {
    parameter: 'pool_timeout',
    inUrl: '3',
    option: 'connectionTimeoutMillis',
    inCode: '3_000',
    why: 'nobody waits longer than 3 seconds for a connection of the pool',
  });
}
