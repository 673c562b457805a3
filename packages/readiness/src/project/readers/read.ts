// Reads every deployment file that the project has.
import type { Deployments, EnvSetting } from '../deployment.ts';
import type { Files } from '../files.ts';
import type { Kind } from '../kinds.ts';
import { isCloudRun, readCloudRun } from './cloud-run.ts';
import { isCompose, readCompose } from './compose.ts';
import { isDockerfile, readDockerfile } from './dockerfile.ts';
import { readFly } from './fly.ts';
import { isManifest, readManifests } from './kubernetes.ts';
import { readCloudBuild, readEnvVarsFile, readGitlab, readManifestScripts, readShell, readWorkflow, type Pipeline } from './pipelines.ts';
import { readRender } from './render.ts';
import { readToml } from './toml.ts';
import { readYaml, type Yaml } from './yaml.ts';

const DEPLOY_FOLDER = /(^|\/)(deploy(ments?)?|infra(structure)?|k8s|kubernetes|helm|charts?|manifests|ops|cloud-?run|\.?docker)\//i;
const LOAD = /(^|\/)(bench(es|marks?)?|soak|loadtests?|seeds?|hack)\//;
const SHELL = /\.(ba|z)?sh$|(^|\/)(Makefile|justfile)$/;
const SCRIPT_OF_INTEREST = /\b(gcloud|prisma|kubectl|migrat\w*|fly(ctl)?|docker)\b/;

/** Tests, examples and documentation are not read; templates in folders of deployments are. */
export function readDeployments(files: Files, kindOf: (path: string) => Kind): Deployments {
  const found: Deployments = { deployments: [], dockerfiles: [], steps: [], shared: [], unread: [] };
  const manifests: Yaml[] = [];
  for (const path of files.paths) {
    if (!isOfInterest(path) || !isRead(path, kindOf(path))) continue;
    const text = files.read(path);
    if (text === null) continue;
    const readEnv = (name: string) => envFile(files, path, name);
    const take = (pipeline: Pipeline) => {
      found.deployments.push(...pipeline.deployments);
      found.steps.push(...pipeline.steps);
    };
    if (isDockerfile(path)) found.dockerfiles.push(readDockerfile(path, text));
    else if (SHELL.test(path)) {
      if (SCRIPT_OF_INTEREST.test(text)) take(readShell(path, text, readEnv));
    } else if (path.endsWith('package.json')) take(readManifestScripts(path, text, readEnv));
    else if (path.endsWith('.tf')) {
      if (/"google_cloud_run|"aws_ecs|"kubernetes_deployment/.test(text)) found.unread.push({ file: path, why: 'Terraform is not read' });
    } else if (path.endsWith('.toml')) {
      const root = readToml(text);
      if (root) found.deployments.push(...readFly(path, root));
      else found.unread.push({ file: path, why: 'it is not TOML' });
    } else readYamlFile(path, text, readEnv, found, manifests, take);
  }
  const { deployments, shared } = readManifests(manifests);
  found.deployments.push(...deployments);
  found.shared.push(...shared);
  return found;
}

function readYamlFile(
  path: string,
  text: string,
  readEnv: (name: string) => EnvSetting[],
  found: Deployments,
  manifests: Yaml[],
  take: (pipeline: Pipeline) => void,
): void {
  const mayDeploy = /^(kind|apiVersion|steps|services|jobs):|\bscript:/m.test(text);
  if (!mayDeploy) return;
  const roots = readYaml(path, text);
  if (!roots) {
    found.unread.push({ file: path, why: text.includes('{{') ? 'it is a template that is not YAML by itself' : 'it is not YAML' });
    return;
  }
  const [root] = roots;
  if (!root) return;
  if (path.includes('.github/workflows/')) take(readWorkflow(path, root, readEnv));
  else if (/(^|\/)\.gitlab-ci\.ya?ml$/.test(path)) take(readGitlab(path, root, readEnv));
  else if (isCompose(path)) found.deployments.push(...readCompose(root));
  else if (/(^|\/)render\.ya?ml$/.test(path)) {
    const { deployments, shared } = readRender(root);
    found.deployments.push(...deployments);
    found.shared.push(...shared);
  } else if (root.get('steps') && !root.get('apiVersion')) take(readCloudBuild(path, root, readEnv));
  else
    for (const one of roots) {
      if (isCloudRun(one)) found.deployments.push(readCloudRun(one));
      else if (isManifest(one)) manifests.push(one);
    }
}

function isOfInterest(path: string): boolean {
  return /\.(ya?ml|tf)$|(^|\/)(package\.json|fly(\.[\w-]+)?\.toml)$/.test(path) || SHELL.test(path) || isDockerfile(path);
}

function isRead(path: string, kind: Kind): boolean {
  if (/(^|\/)node_modules\//.test(path) || LOAD.test(path)) return false;
  if (kind === 'example') return DEPLOY_FOLDER.test(path) && !/(^|\/)(examples?|demos?|samples?|archived?)\//.test(path);
  // `build/` is a folder of what is built, and also of how.
  return kind !== 'test' && kind !== 'document' && (kind !== 'generated' || isDockerfile(path));
}

/** A file of variables, named from the root or from beside the script. */
function envFile(files: Files, from: string, name: string): EnvSetting[] {
  const bare = name.replace(/^\.\//, '');
  for (const path of [bare, `${from.slice(0, from.lastIndexOf('/') + 1)}${bare}`]) {
    const text = files.read(path);
    if (text !== null) return readEnvVarsFile(path, text);
  }
  return [];
}
