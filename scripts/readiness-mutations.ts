// This platform, broken once for each row of the audit. `readiness.test.ts` applies them to a copy and expects the audit to notice.

/** A text of a file and what stands there instead, everywhere in the file; a file that comes; files that go. */
export type Mutation = { file: string; from: string; to: string } | { file: string; text: string } | { gone: RegExp };

const DATABASE = 'packages/database/src/database.ts';
const POOL = 'packages/database/src/pool.ts';
const HEALTH = 'apps/api/src/platform/health.ts';
const LIFECYCLE = 'apps/api/src/platform/lifecycle.ts';
const METRICS = 'apps/api/src/platform/metrics.ts';
const PIPELINE = 'deploy/cloudbuild.yaml';
const SERVICE = 'deploy/cloudrun/service.yaml';
const PRODUCTION = '.env.production.template';
const CATALOG = 'apps/api/src/modules/catalog/queries.ts';
const NEXT_MIGRATION = 'packages/database/prisma/migrations/20270301000000_next/migration.sql';

/** The same flag in the pipeline and its setting in the definition of Cloud Run. */
const inBoth = (flag: [from: string, to: string], setting: [from: string, to: string]): Mutation[] => [
  { file: PIPELINE, from: flag[0], to: flag[1] },
  { file: SERVICE, from: setting[0], to: setting[1] },
];

export const MUTATIONS: Record<string, Mutation[]> = {
  'pool.singleton': [
    {
      file: CATALOG,
      text: "import { Hono } from 'hono';\nimport { PrismaClient } from '@prisma/client';\nexport const reports = new Hono().get('/reports', async (c) => {\n  const prisma = new PrismaClient();\n  return c.json(await prisma.service.count());\n});\n",
    },
  ],
  'pool.duplicate-client': [
    {
      file: 'apps/api/src/modules/catalog/reports.ts',
      text: "import { Pool } from 'pg';\nexport const reports = new Pool({ max: 10, connectionTimeoutMillis: 3_000 });\n",
    },
  ],
  'pool.limit': [{ file: POOL, from: '      max: settings.poolMax,\n', to: '' }],
  'pool.wait-timeout': [{ file: POOL, from: '      connectionTimeoutMillis: settings.poolWaitMillis,\n', to: '' }],
  'pool.connect-timeout': [{ file: POOL, from: 'connectionTimeoutMillis: settings.poolWaitMillis', to: 'connectionTimeoutMillis: 0' }],
  'pool.budget': inBoth(['DATABASE_POOL_MAX=8', 'DATABASE_POOL_MAX=20'], ["value: '8'", "value: '20'"]),
  'pool.shutdown': [
    { file: LIFECYCLE, from: "for (const signal of ['SIGTERM', 'SIGINT'] as const)", to: "for (const signal of ['SIGINT'] as const)" },
  ],
  'pool.duplicate-shutdown': [
    {
      file: 'apps/api/src/compose.ts',
      from: 'const metrics = createMetrics();',
      to: "const metrics = createMetrics();\n  process.on('SIGTERM', () => process.exit(0));",
    },
  ],
  'env.duplicate-keys': [{ file: '.env.example', from: 'PORT=8080\n', to: 'PORT=8080\nPORT=3000\n' }],
  'env.secrets-committed': [
    {
      file: SERVICE,
      from: "value: '9090'",
      to: `value: '9090'\n            - name: STRIPE_SECRET_KEY\n              value: ${['sk', 'live', '51Nc0rT9ePq7XbZ4wLm2VdKs8'].join('_')}`,
    },
  ],
  'env.files': [{ gone: /^\.env\..*(example|template)$/ }],
  'env.tls': [
    {
      file: PRODUCTION,
      from: 'DATABASE_URL=secret:database-url@1',
      to: 'DATABASE_URL=postgresql://app_rw:<PASSWORD>@db.example.com:5432/medspa?sslmode=disable',
    },
  ],
  'env.socket': [
    {
      file: PRODUCTION,
      from: 'DATABASE_URL=secret:database-url@1',
      to: 'DATABASE_URL=postgresql://app_rw:<PASSWORD>@/medspa?host=/cloudsql/<PROJECT>:<REGION>:medspa',
    },
    ...inBoth(
      ['--add-cloudsql-instances=', '--labels=instance='],
      ['run.googleapis.com/cloudsql-instances', 'run.googleapis.com/description'],
    ),
    { file: 'deploy/cloudrun/worker.yaml', from: 'run.googleapis.com/cloudsql-instances', to: 'run.googleapis.com/description' },
  ],
  'env.weak-secret': [{ file: '.env.example', from: 'ENCRYPTION_KEY=\n', to: `ENCRYPTION_KEY=${'0'.repeat(64)}\n` }],
  'log.levels': [{ file: DATABASE, from: "{ emit: 'event', level: 'warn' },", to: "{ emit: 'stdout', level: 'query' }," }],
  'log.error-format': [{ file: DATABASE, from: "errorFormat: 'minimal'", to: "errorFormat: 'pretty'" }],
  'health.readiness': [
    { file: HEALTH, from: 'await database.checkDatabaseHealth()', to: '{ healthy: true, latency: 0, error: undefined }' },
  ],
  'health.liveness': [
    {
      file: HEALTH,
      from: "routes.get(path, (c) => c.json({ status: 'alive', timestamp: timestamp() }))",
      to: "routes.get(path, async (c) => c.json({ status: (await database.checkDatabaseHealth()).healthy ? 'alive' : 'dead' }))",
    },
  ],
  'health.endpoints': [{ file: HEALTH, from: "['/health/ready', '/ready']", to: "['/state']" }],
  // An image without wget, as the slim one is.
  'health.container': [{ file: 'deploy/Dockerfile', from: 'CMD ["node", "-e", "fetch', to: 'CMD ["wget", "--spider", "fetch' }],
  'practice.pooler': [{ file: 'deploy/pgbouncer/pgbouncer.ini', from: 'pool_mode = transaction', to: 'pool_mode = statement' }],
  'practice.transactions': [
    {
      file: CATALOG,
      text: "import { prisma } from '../../prisma.ts';\nexport async function rename(id: string, name: string) {\n  return prisma.$transaction(async (tx) => {\n    try {\n      await tx.service.update({ where: { id }, data: { name } });\n    } catch {\n      return null;\n    }\n    return tx.service.findUnique({ where: { id } });\n  });\n}\n",
    },
  ],
  'practice.query-timeout': [{ file: POOL, from: 'statement_timeout: TIMEOUTS.statement', to: 'query_timeout: TIMEOUTS.statement' }],
  'practice.statements': [{ file: DATABASE, from: 'statementNameGenerator:', to: 'disposeExternalPool:' }],
  'practice.pagination': [
    { file: 'apps/api/src/modules/scheduling/queries.ts', from: 'select: ROOM, ...keyset(page, organizationId)', to: 'select: ROOM' },
  ],
  'practice.batch': [
    {
      file: CATALOG,
      text: "import type { Tx } from '@medspa/database';\nexport async function insertPrices(tx: Tx, rows: { id: string }[]) {\n  for (const data of rows) await tx.servicePrice.create({ data });\n}\n",
    },
  ],
  'security.public-ip': [{ file: 'deploy/instance.sh', from: '--no-assign-ip', to: '--assign-ip --authorized-networks=0.0.0.0/0' }],
  'security.roles': [
    {
      file: PRODUCTION,
      from: 'DATABASE_URL=secret:database-url@1',
      to: 'DATABASE_URL=postgresql://postgres:<PASSWORD>@10.8.0.3:5432/medspa',
    },
  ],
  'security.secret-manager': inBoth(
    ['ENCRYPTION_KEY=encryption-key:1', 'ENCRYPTION_KEY=encryption-key:latest'],
    ["name: encryption-key\n                  key: '1'", 'name: encryption-key\n                  key: latest'],
  ),
  'cloud.min-instances': inBoth(['--min-instances=1', '--min-instances=0'], ["minScale: '1'", "minScale: '0'"]),
  'cloud.timeout': inBoth(['--timeout=60', '--timeout=300'], ['timeoutSeconds: 60', 'timeoutSeconds: 300']),
  'cloud.max-instances': inBoth(['      - --max-instances=10\n', ''], ["        autoscaling.knative.dev/maxScale: '10'\n", '']),
  'cloud.concurrency': inBoth(['      - --concurrency=80\n', ''], ['      containerConcurrency: 80\n', '']),
  'cloud.sql-instances': [
    { file: PIPELINE, from: '--set-cloudsql-instances=', to: '--labels=instance=' },
    { file: PIPELINE, from: '      - --network=medspa\n      - --subnet=medspa-run\n      - --vpc-egress=private-ranges-only\n', to: '' },
    { file: 'deploy/cloudrun/migrate-job.yaml', from: 'run.googleapis.com/cloudsql-instances', to: 'run.googleapis.com/description' },
    { file: 'deploy/cloudrun/migrate-job.yaml', from: 'run.googleapis.com/network-interfaces', to: 'run.googleapis.com/usage' },
  ],
  'cloud.resources': inBoth(['_MEMORY: 1Gi', '_MEMORY: 128Mi'], ['memory: 1Gi', 'memory: 128Mi']),
  'monitor.metrics': [{ gone: /^apps\/api\/src\/platform\/(metrics|tracing)\.ts$/ }],
  'monitor.slow-query': [{ gone: /slow-quer|^apps\/api\/src\/platform\/tracing\.ts$|^deploy\/instance\.sh$|setup\.ts$/ }],
  'monitor.errors': [
    { file: METRICS, from: "labelNames: ['method', 'route', 'status']", to: "labelNames: ['method']" },
    { file: METRICS, from: "labelNames: ['slug', 'route']", to: "labelNames: ['slug']" },
    { gone: /^apps\/api\/src\/platform\/tracing\.ts$/ },
  ],
  'monitor.audit-log': [{ gone: /^packages\/database\/prisma\/(migrations\/.+_protection\/|schema\/platform)/ }],
  'migrate.scripts': [
    { file: 'package.json', from: 'db:migrate', to: 'db:change' },
    { file: 'package.json', from: 'prisma:migrate', to: 'prisma:change' },
  ],
  'migrate.job': [{ file: PIPELINE, from: ', --wait]', to: ']' }],
  'migrate.safety': [{ file: NEXT_MIGRATION, text: 'ALTER TABLE appointment ALTER COLUMN status TYPE varchar(20);\n' }],
  'resilience.error-map': [
    {
      file: 'apps/api/src/platform/problem.ts',
      text: "import { Hono } from 'hono';\nexport const app = new Hono().post('/things', async (c) => {\n  try {\n    return c.json(await save(await c.req.json()));\n  } catch (error) {\n    return c.json({ error: (error as Error).message }, 500);\n  }\n});\n",
    },
  ],
  'resilience.circuit-breaker': [
    {
      file: 'apps/api/src/platform/breaker.ts',
      from: 'handleWhen((error) => handleDatabaseError(error)?.infrastructure ?? false)',
      to: 'handleAll',
    },
  ],
  'test.pool': [{ gone: /\.test\.ts$|\/test\/|^(soak|packages\/testing)\// }],
  'test.health': [{ gone: /\.test\.ts$|\/test\/|^(soak|packages\/testing)\// }],
  'docs.runbook': [{ gone: /^deploy\/runbooks\/failover/ }],
  'docs.checklist': [{ gone: /^deploy\/CHECKLIST\.md$/ }],
  'docs.alerts': [{ gone: /^deploy\/alerts\// }],
};
