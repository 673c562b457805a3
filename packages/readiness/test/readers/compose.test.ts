import { expect, test } from 'vitest';
import { at, read } from './read.ts';

const file = 'docker-compose.prod.yml';
const text = at<string>(file);
const number = at<number>(file);

test('services with merged parts, lists and maps of variables', () => {
  const { deployments } = read({
    [file]: `x-common: &common
  restart: always
  environment: &env
    NODE_ENV: production
services:
  api:
    <<: *common
    image: clinic/api:1
    command: [node, main.js]
    ports: ['8080:8080']
    environment:
      <<: *env
      DATABASE_URL: \${DATABASE_URL}
    healthcheck:
      test: ['CMD', 'wget', '-q', 'http://localhost:8080/health']
      interval: 30s
      timeout: 3s
      start_period: 1m30s
      retries: 3
    deploy:
      replicas: 2
      resources:
        limits: { cpus: '0.5', memory: 512M }
  migrate:
    image: clinic/api:1
    command: npx prisma migrate deploy
    environment:
      - PGUSER=owner
      - PGPASSWORD
  worker:
    <<: *common
    image: clinic/api:1
`,
  });
  expect(deployments).toEqual([
    {
      platform: 'compose',
      name: 'api',
      role: 'service',
      form: 'definition',
      place: { file, line: 6 },
      image: text('clinic/api:1', 8),
      command: text('node main.js', 9),
      minInstances: number(2, 21),
      maxInstances: number(2, 21),
      cpu: text('0.5', 23),
      memory: text('512M', 23),
      env: [
        { name: 'DATABASE_URL', value: '${DATABASE_URL}', place: { file, line: 13 } },
        { name: 'NODE_ENV', value: 'production', place: { file, line: 4 } },
      ],
      probes: [
        { kind: 'health', path: '/health', place: { file, line: 14 }, seconds: { interval: 30, timeout: 3, start: 90 }, failures: 3 },
      ],
    },
    expect.objectContaining({
      name: 'migrate',
      role: 'job',
      env: [
        { name: 'PGUSER', value: 'owner', place: { file, line: 28 } },
        { name: 'PGPASSWORD', place: { file, line: 29 } },
      ],
    }),
    expect.objectContaining({ name: 'worker', role: 'worker', env: [{ name: 'NODE_ENV', value: 'production', place: { file, line: 4 } }] }),
  ]);
});

test.each(['services:\n  a: *none\n', 'a: &a\n  <<: *a\nservices: *a\n', 'services: 3\n', 'services:\n  a:\n'])(
  'nothing broken throws: %j',
  (broken) => {
    expect(() => read({ [file]: broken })).not.toThrow();
  },
);
