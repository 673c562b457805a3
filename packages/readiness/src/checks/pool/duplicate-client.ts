import { finding, judged, notApplicable, type Check } from '../../check.ts';
import { fixDuplicateClient } from '../../fix/pool.duplicate-client.ts';
import { clientSites } from './sites.ts';

export const duplicateClient: Check = {
  id: 'pool.duplicate-client',
  title: 'One client and one pool in each process',
  category: 'Connection pool',
  severity: 'high',
  why: 'Every further PrismaClient or pg.Pool is a pool of its own: it takes connections that no budget counts and is not closed at shutdown.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections',
  looksFor: 'every `new PrismaClient(` and `new Pool(` of production code, by service; tests, scripts and examples may have their own',
  remedy: 'Import the one client from the module that makes it, and remove the construction here.',
  example: {
    language: 'ts',
    before: "import { PrismaClient } from '@prisma/client';\nconst prisma = new PrismaClient();",
    after: "import { prisma } from '../lib/prisma';",
  },
  effort: '5 minutes',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const findings = project.services.flatMap((service) => {
      const sites = clientSites(project, service);
      return (['client', 'pool'] as const).flatMap((what) => {
        const [home, ...others] = sites.filter((site) => site.what === what && !site.isApart);
        return others.map(({ place, excerpt }) =>
          finding(
            'fail',
            `a second ${what} in ${service.name}; the first is made in ${home?.place.file}:${home?.place.line}`,
            place,
            excerpt,
          ),
        );
      });
    });
    return judged(findings, findings.length > 0 ? [] : ['no second construction in production code']);
  },
  fix: fixDuplicateClient,
};
