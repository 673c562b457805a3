import type { Project } from '../project/project.ts';

/** Where drills happen: the service as a process of ours, and the road to its database under our hand. */
export type DrillGround = {
  say: (text: string) => void;
};

export type DrillOptions = { databaseUrl?: string; say: (text: string) => void };

/** Makes ready what drills need. Only loopback. */
export function openDrillGround(_project: Project, _options: DrillOptions): Promise<DrillGround & AsyncDisposable> {
  return Promise.reject(new Error('drills are not part of this version'));
}
