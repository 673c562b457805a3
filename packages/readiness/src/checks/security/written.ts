// Secrets that stand in files which deploy the project.
import type { EnvSetting } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';
import { isForDevelopment, productionDeployments } from '../cloud/services.ts';
import { plainSecret } from './plain-secrets.ts';

/** Files to copy from hold no secret of anybody. */
const EXAMPLE = /(^|[/._-])(example|sample|template|tmpl|dist)([/._-]|$)/i;

export type Written = {
  setting: EnvSetting;
  /** Only where no deployment sets the variable: the image holds what whoever forgets to set it runs with. */
  isReplaced: boolean;
};

/** Values with a secret in deployments, images and shared settings of production. */
export function writtenSecrets(project: Project): Written[] {
  const deployed = productionDeployments(project).flatMap(({ env }) => env);
  const images = project.deployments.dockerfiles.filter(({ path }) => !isForDevelopment(path)).flatMap(({ env }) => env);
  const set = new Set(deployed.map(({ name }) => name));
  const isWritten = (one: EnvSetting) => plainSecret(one) === 'literal' && !EXAMPLE.test(one.place.file);
  return [
    ...[...deployed, ...project.deployments.shared].filter(isWritten).map((setting) => ({ setting, isReplaced: false })),
    ...images.filter(isWritten).map((setting) => ({ setting, isReplaced: set.has(setting.name) })),
  ];
}
