import { finding, judged, type Check, type Finding } from '../../check.ts';
import { fixDuplicateClient } from '../../fix/pool.duplicate-client.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { nameOf, placeOf, visit } from '../../project/source.ts';
import { eachService } from './services.ts';
import { clientSites, sourcesOf, type Site } from './sites.ts';

export const duplicateClient: Check = {
  id: 'pool.duplicate-client',
  title: 'One client and one pool in each process',
  category: 'Connection pool',
  severity: 'high',
  why: 'Every further PrismaClient or pg.Pool is a pool of its own: it takes connections that no budget counts and is not closed at shutdown.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections',
  looksFor:
    'every construction of a client or a pool in production code, by service and database, also through classes that extend them and providers of NestJS modules; tests, scripts, health checks with one connection, job queues and migrations may have their own',
  remedy: 'Import the one client from the module that makes it, and remove the construction here.',
  example: {
    language: 'ts',
    before: "import { PrismaClient } from '@prisma/client';\nconst prisma = new PrismaClient();",
    after: "import { prisma } from '../lib/prisma';",
  },
  effort: '5 minutes',
  static: (project) =>
    eachService(project, (service) => {
      const sites = clientSites(project, service);
      const lasting = Map.groupBy(
        sites.filter(({ role }) => role === 'main'),
        ({ what, key }) => `${what} ${key}`,
      );
      const findings = [...lasting.values()].flatMap(([home, ...others]) =>
        others.map(({ what, place, excerpt }) =>
          finding(
            'fail',
            `a second ${what} in ${service.name}; the first is made in ${home?.place.file}:${home?.place.line}`,
            place,
            excerpt,
          ),
        ),
      );
      findings.push(...provided(project, service, sites));
      const apart = sites.filter(({ role }) => role !== 'main').map(({ role, place }) => `${ROLES[role]} (${place.file}:${place.line})`);
      return judged(findings, findings.length > 0 ? [] : ['no second construction in production code', ...apart]);
    }),
  fix: fixDuplicateClient,
};

const ROLES: Record<Site['role'], string> = {
  main: '',
  small: 'a pool of one connection is no second pool',
  queue: 'the pool of a job queue is counted in the budget',
  task: 'the pool of a task ends with it',
};

/** NestJS makes one instance for each module that lists the class; others must import the module that exports it. */
function provided(project: Project, service: Service, sites: Site[]): Finding[] {
  const classes = sites.filter(({ node }) => node.type === 'ClassDeclaration').map(({ name }) => name);
  if (classes.length === 0) return [];
  const found: { name: string; finding: Finding }[] = [];
  for (const source of sourcesOf(project, service, ...classes)) {
    if (source.imports.get('Module')?.module !== '@nestjs/common') continue;
    visit(source, {
      Property({ key, value }) {
        if (nameOf(key) !== 'providers' || value.type !== 'ArrayExpression') return;
        for (const one of value.elements) {
          const name = one?.type === 'Identifier' && classes.includes(one.name) ? one.name : null;
          if (!one || !name) continue;
          const message = `${name} is provided by a second module, which makes a second instance; import the module that exports it`;
          found.push({ name, finding: finding('fail', message, placeOf(source, one)) });
        }
      },
    });
  }
  const isHome = (one: Finding) => /prisma|database|db/i.test(one.place?.file ?? '');
  return [...Map.groupBy(found, ({ name }) => name).values()].flatMap((all) => {
    const sorted = all.toSorted((a, b) => Number(isHome(b.finding)) - Number(isHome(a.finding)));
    return sorted.slice(1).map((one) => one.finding);
  });
}
