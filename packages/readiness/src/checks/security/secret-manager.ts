import { finding, judged, notApplicable, couldNotCheck, type Check, type Finding } from '../../check.ts';
import { fixSecretManager } from '../../fix/security.secret-manager.ts';
import type { Deployment } from '../../project/deployment.ts';
import { deployedServices, isForDevelopment, placeText, productionDeployments } from '../cloud/services.ts';
import { usesConnector } from '../cloud/sql-instances.ts';
import { fingerprint, plainSecret } from './plain-secrets.ts';
import { writtenSecrets, type Written } from './written.ts';

export const secretManager: Check = {
  id: 'security.secret-manager',
  title: 'Secrets come from a secret store, by version',
  category: 'Security',
  severity: 'critical',
  why: 'A plain variable can be read by everybody who may see the service, the image or the repository, and stays in every old revision. `:latest` changes under a running service, and a rollback does not bring the old value back.',
  link: 'https://cloud.google.com/run/docs/configuring/services/secrets',
  looksFor:
    'secrets written into commands, definitions, manifests and Dockerfiles, or passed as plain variables to Cloud Run; secrets of Secret Manager without a version; services whose database secret comes from nowhere',
  remedy:
    'Store each secret, give the service account access to it, and name it with its version. Rotate what has been written down. An encryption key is never simply replaced: keep the old one to read with.',
  example: {
    language: 'yaml',
    before: "- '--set-env-vars'\n- 'DATABASE_URL=postgresql://...'",
    after: "- '--set-secrets'\n- 'DATABASE_URL=database-url:3'",
  },
  effort: '2 hours',
  static: (project) => {
    const deployments = productionDeployments(project);
    const images = project.deployments.dockerfiles.filter(({ path }) => !isForDevelopment(path));
    if (deployments.length === 0 && images.length === 0) {
      const [unread] = project.deployments.unread;
      return unread ? couldNotCheck(`${unread.file}: ${unread.why}`) : notApplicable('no deployment found');
    }
    const written = writtenSecrets(project).map(writtenFinding);
    const passed = deployments
      .filter(({ platform }) => platform === 'cloud-run')
      .flatMap(({ env }) => env.filter((one) => plainSecret(one) === 'variable'))
      .map(({ name, place }) => finding('fail', `${name} is a secret and reaches Cloud Run as a plain variable`, place));
    const unpinned = deployments
      .filter(({ platform }) => platform === 'cloud-run')
      .flatMap(({ env }) => env.filter(({ secret }) => secret && secret.version === null));
    const latest = [...Map.groupBy(unpinned, ({ place }) => placeText(place)).values()].flatMap((group) => {
      const [first] = group;
      const names = group.map(({ name }) => name).join(', ');
      return first
        ? finding('warn', `the version of ${names} is "latest": pin it, so that a revision keeps what it was tested with`, first.place)
        : [];
    });
    const nowhere =
      project.services.length > 0 && !usesConnector(project) ? withoutSecrets(deployedServices(project)) : { findings: [], hidden: [] };
    const findings = distinct([...written, ...passed, ...nowhere.findings, ...latest]);
    if (findings.length === 0 && nowhere.hidden.length > 0) return couldNotCheck(nowhere.hidden.join('; '));
    return judged(findings, evidenceOf(deployments));
  },
  fix: fixSecretManager,
};

function writtenFinding({ setting: { name, value = '', place }, isReplaced }: Written): Finding {
  if (isReplaced)
    return finding('warn', `${name} has a value in the image, which holds where a deployment forgets to set it: leave it out`, place);
  return finding('fail', `${name} is written here in plain text (fingerprint ${fingerprint(value)}): rotate it`, place);
}

/** Services of Cloud Run to which no file gives a secret, nor a way to the database. */
function withoutSecrets(services: ReturnType<typeof deployedServices>): { findings: Finding[]; hidden: string[] } {
  const bare = services.filter(
    ({ platform, deployments }) =>
      platform === 'cloud-run' && deployments.every(({ env }) => env.every((one) => !one.secret && plainSecret(one) === null)),
  );
  return {
    findings: bare.flatMap(({ name, place, hidden }) =>
      hidden
        ? []
        : finding('fail', `${name} gets no secret from Secret Manager: where its DATABASE_URL comes from is not in the deployment`, place),
    ),
    hidden: bare.flatMap(({ hidden }) => hidden ?? []),
  };
}

function evidenceOf(deployments: Deployment[]): string[] {
  const stored = deployments.flatMap(({ env }) => env.filter(({ secret }) => secret));
  const [first] = stored;
  if (!first) return ['no secret is written into a deployment file'];
  const names = [...new Set(stored.map(({ name, secret }) => (name === '*' ? `all of ${secret?.name}` : name)))];
  return [
    `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' and others' : ''} ${names.length > 1 ? 'come' : 'comes'} from a secret store (${placeText(first.place)})`,
  ];
}

function distinct(findings: Finding[]): Finding[] {
  return [...new Map(findings.map((one) => [`${one.place?.file}:${one.place?.line} ${one.message}`, one])).values()];
}
