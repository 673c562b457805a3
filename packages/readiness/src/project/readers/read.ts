// Reads every deployment file that the project has.
import type { Deployments } from '../deployment.ts';
import type { Files } from '../files.ts';
import type { Kind } from '../kinds.ts';

export function readDeployments(_files: Files, _kindOf: (path: string) => Kind): Deployments {
  return { deployments: [], dockerfiles: [], steps: [] };
}
