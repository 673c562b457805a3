import type { Deployment } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';

/** Deployments that say all of a service; a command that only changes traffic or one flag leaves the rest as it is. */
export function deployedWhole({ deployments: { deployments } }: Project, role: Deployment['role']): Deployment[] {
  return deployments.filter((one) => one.role === role && (one.form === 'definition' || /(deploy|create|replace)$/.test(one.verb ?? '')));
}
