import { expect, test } from 'vitest';
import { at, read } from './read.ts';

const file = 'render.yaml';
const text = at<string>(file);
const number = at<number>(file);

test('a service, what runs before it, and its group of variables', () => {
  const { deployments, shared } = read({
    [file]: `services:
  - type: web
    name: api
    runtime: node
    plan: standard
    startCommand: node main.js
    preDeployCommand: npx prisma migrate deploy
    healthCheckPath: /health/ready
    scaling:
      minInstances: 2
      maxInstances: 5
    envVars:
      - key: NODE_ENV
        value: production
      - key: DATABASE_URL
        fromDatabase: { name: db, property: connectionString }
      - key: KEY
        sync: false
  - type: web
    name: site
    runtime: static
  - type: worker
    name: jobs
    numInstances: 3
envVarGroups:
  - name: common
    envVars:
      - key: TZ
        value: UTC
`,
  });
  expect(deployments).toMatchObject([
    {
      platform: 'render',
      name: 'api',
      role: 'service',
      place: { file, line: 2 },
      command: text('node main.js', 6),
      memory: text('standard', 5),
      minInstances: number(2, 10),
      maxInstances: number(5, 11),
      env: [
        { name: 'NODE_ENV', value: 'production', place: { file, line: 14 } },
        { name: 'DATABASE_URL', secret: { name: 'db', version: null }, place: { file, line: 15 } },
        { name: 'KEY', secret: { name: 'KEY', version: null }, place: { file, line: 17 } },
      ],
      probes: [{ kind: 'health', path: '/health/ready', place: { file, line: 8 } }],
    },
    { name: 'api/preDeployCommand', role: 'job', command: text('npx prisma migrate deploy', 7) },
    { name: 'jobs', role: 'worker', maxInstances: number(3, 24) },
  ]);
  expect(shared).toEqual([{ name: 'TZ', value: 'UTC', place: { file, line: 29 } }]);
});
