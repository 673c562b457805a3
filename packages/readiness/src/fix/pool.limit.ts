import type { Project } from '../project/project.ts';
import type { Patch } from './patch.ts';
import { fixPoolSetting } from './pool-settings.ts';

/** A pool of eight: `readiness audit` says whether the server has room for more. */
export function fixPoolLimit(project: Project): Patch[] {
  return fixPoolSetting(project, {
    parameter: 'connection_limit',
    inUrl: '8',
    option: 'max',
    inCode: '8',
    why: 'the pool has at most 8 connections',
  });
}
