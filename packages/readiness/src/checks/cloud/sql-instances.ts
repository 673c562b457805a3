import { finding, notApplicable, type Check } from '../../check.ts';
import { fixSqlInstances } from '../../fix/cloud.sql-instances.ts';
import type { Deployment } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';
import { isMigration } from '../migrate/runners.ts';
import { databaseAddresses, hostedElsewhere } from './addresses.ts';
import { deployedServices, joined, missing, nothingDeployed, placeText, productionDeployments, type Look } from './services.ts';

const CONNECTOR = '@google-cloud/cloud-sql-connector';

export const sqlInstances: Check = {
  id: 'cloud.sql-instances',
  title: 'Service and migration job are connected to the Cloud SQL instance',
  category: 'Cloud configuration',
  severity: 'high',
  why: 'Without the connection the service can only go over the network, usually to a public address with an allow list; a job without it cannot migrate at all.',
  link: 'https://cloud.google.com/sql/docs/postgres/connect-run',
  looksFor: `\`--add-cloudsql-instances\` or the annotation \`run.googleapis.com/cloudsql-instances\` on each Cloud Run service and migration job, or the connector (${CONNECTOR}) in the code`,
  remedy: 'Name the instance at the service and at the job, or connect with the Node connector over a private address.',
  example: {
    language: 'yaml',
    before: "- '--memory'\n- '512Mi'",
    after: "- '--memory'\n- '512Mi'\n- '--add-cloudsql-instances'\n- 'PROJECT:REGION:INSTANCE'",
  },
  effort: '30 minutes',
  static: (project) => {
    const services = deployedServices(project).filter(({ platform }) => platform === 'cloud-run');
    if (services.length === 0) return nothingDeployed(project);
    const elsewhere = hostedElsewhere(databaseAddresses(project));
    if (elsewhere) return notApplicable(`the database is at ${elsewhere.host} (${placeText(elsewhere.place)}), not in Cloud SQL`);
    if (usesConnector(project)) return joined([{ evidence: [`the service connects with ${CONNECTOR}`] }]);
    const ofServices = services.map((service) => {
      const { name, deployments } = service;
      const message = `${name} is not connected to a Cloud SQL instance: no --add-cloudsql-instances`;
      return lookAt(name, deployments) ?? missing(service, 'fail', message);
    });
    const jobs = Map.groupBy(
      productionDeployments(project).filter((one) => one.platform === 'cloud-run' && one.role === 'job' && isMigration(project, one)),
      ({ name }) => name,
    );
    const ofJobs = [...jobs].map(([name, deployments]): Look => {
      const made = deployments.find(({ verb }) => !verb?.endsWith('execute'));
      const message = `the migration job ${name} is not connected to a Cloud SQL instance`;
      return (made && lookAt(name, deployments)) ?? (made ? { findings: [finding('fail', message, made.place)] } : {});
    });
    return joined([...ofServices, ...ofJobs]);
  },
  fix: fixSqlInstances,
};

/** Null when no way to an instance is seen. */
function lookAt(name: string, deployments: Deployment[]): Look | null {
  const connected = deployments.find((one) => one.sqlInstances)?.sqlInstances;
  if (connected) return { evidence: [`${name}: ${connected.value.join(', ')} (${placeText(connected.place)})`] };
  const vpc = deployments.find((one) => one.vpc)?.vpc;
  return vpc
    ? {
        hidden: `${name} leaves into the private network (${placeText(vpc.place)}); whether its connection string holds a private address cannot be seen`,
      }
    : null;
}

export function usesConnector({ packages }: Project): boolean {
  return packages.some(({ dependencies }) => CONNECTOR in dependencies);
}
