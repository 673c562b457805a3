import type { Project } from '../project/project.ts';
import type { Patch } from './patch.ts';
import { fixPoolSetting } from './pool-settings.ts';

export function fixConnectTimeout(project: Project): Patch[] {
  return fixPoolSetting(project, {
    parameter: 'connect_timeout',
    inUrl: '3',
    option: 'connectionTimeoutMillis',
    inCode: '3_000',
    why: 'opening a connection takes at most 3 seconds',
  });
}
