// What the tool found the project to be, before it judged it.
import type { Project } from '../project/project.ts';

export type Fact = { name: string; value: string };

export function detected(project: Project): Fact[] {
  const { prisma, pg, services, schemas, deployments, files } = project;
  const platforms = [...new Set(deployments.deployments.map(({ platform }) => platform))];
  return [
    {
      name: 'Services',
      value: services.map(({ name, framework }) => `${name}${framework ? ` (${framework})` : ''}`).join(', ') || 'none found',
    },
    {
      name: 'Prisma',
      value: prisma
        ? `${prisma.version}${prisma.isExact ? '' : ' (asked for; no lockfile says what is installed)'}, ${enginesOf(prisma)}`
        : 'not used',
    },
    ...(pg ? [{ name: 'node-postgres', value: pg }] : []),
    { name: 'Schemas', value: schemas.map(({ path, provider }) => `${path} (${provider ?? 'no provider'})`).join(', ') || 'none found' },
    {
      name: 'Deployment',
      value: [...platforms, ...(deployments.dockerfiles.length > 0 ? ['Dockerfile'] : [])].join(', ') || 'no deployment file found',
    },
    { name: 'Files', value: `${files.paths.length}, of them ${project.production.length} of production code` },
  ];
}

function enginesOf({ hasAdapter }: { hasAdapter: boolean }): string {
  return hasAdapter ? 'with a driver adapter: the pool is set in code' : 'with its own engine: the pool is set in the URL';
}
