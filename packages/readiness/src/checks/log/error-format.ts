import { couldNotCheck, finding, judged, notApplicable, type Check } from '../../check.ts';
import { fixErrorFormat } from '../../fix/log.error-format.ts';
import { logErrorFormat } from '../../drills/log-error-format.ts';
import { excerptOf, hasSpread, propertyOf } from '../../project/source.ts';
import { propertyValue, valueOf } from '../../project/values.ts';
import { prismaClients } from './clients.ts';

export const errorFormat: Check = {
  id: 'log.error-format',
  title: 'Short errors in production',
  category: 'Logging',
  severity: 'low',
  why: 'A `pretty` or `colorless` error quotes the source around the call and takes 10-20 µs of every call to find it. `minimal` is shorter, but no format hides the values of an argument or of a row: errors must be classified before they are logged.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/error-formatting',
  looksFor:
    'the `errorFormat` option of every PrismaClient as it comes out in production; without it, Prisma takes `minimal` when NODE_ENV is `production`. That logs hold no values is for a drill',
  remedy:
    "Set `errorFormat: 'minimal'` in production. It does not redact: log the class and code of an error, never its message or `meta`.",
  example: {
    language: 'ts',
    before: "new PrismaClient({ errorFormat: 'pretty' })",
    after: "new PrismaClient({ errorFormat: process.env.NODE_ENV === 'development' ? 'pretty' : 'minimal' })",
  },
  effort: '5 minutes',
  static: (project) => {
    const clients = prismaClients(project);
    if (clients.length === 0) return notApplicable('no PrismaClient is made in production code');
    const unknown: string[] = [];
    const evidence: string[] = [];
    const findings = clients.flatMap(({ source, place, options }) => {
      const where = `${place.file}:${place.line}`;
      const stated = options ? propertyValue(options, 'errorFormat', source, project.resolve) : null;
      if (typeof stated?.value === 'string' && stated.value !== 'minimal') {
        const node = propertyOf(options, 'errorFormat') ?? options;
        return [finding('warn', `errors are '${stated.value}' in production`, place, node ? excerptOf(source, node) : undefined)];
      }
      if (stated?.value === 'minimal') evidence.push(`${where}: minimal in production`);
      else if (stated || (options && isOpen(options, source))) unknown.push(where);
      else evidence.push(`${where}: not set, so minimal where NODE_ENV is production`);
      return [];
    });
    if (findings.length === 0 && unknown.length > 0) return couldNotCheck(`errorFormat of ${unknown.join(', ')} is decided elsewhere`);
    return judged(findings, evidence);

    function isOpen(options: NonNullable<(typeof clients)[number]['options']>, source: (typeof clients)[number]['source']): boolean {
      const { object } = valueOf(options, source, project.resolve);
      return !object || hasSpread(object.node);
    }
  },
  drill: logErrorFormat,
  fix: fixErrorFormat,
};
