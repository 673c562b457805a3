import { expect, test } from 'vitest';
import { at, read } from './read.ts';

const file = 'cloudbuild.yaml';
const text = at<string>(file);
const number = at<number>(file);

test('steps with arguments, with scripts, and numbers behind substitutions', () => {
  const { deployments, steps } = read({
    [file]: `steps:
  - id: build
    name: gcr.io/cloud-builders/docker
    args: ['build', '-t', 'gcr.io/$PROJECT_ID/api', '.']
  - id: migrate
    name: gcr.io/google.com/cloudsdktool/cloud-sdk
    entrypoint: bash
    args:
      - -c
      - |
        set -e
        gcloud run jobs deploy migrate --image gcr.io/$PROJECT_ID/api \\
          --command npx --args prisma,migrate,deploy \\
          --set-cloudsql-instances=$_INSTANCE
        gcloud run jobs execute migrate --wait
  - name: gcr.io/google.com/cloudsdktool/cloud-sdk
    entrypoint: gcloud
    args:
      - run
      - deploy
      - clinic-api
      - '--max-instances'
      - $_MAX
      - --timeout=5m
      - --set-secrets
      - DATABASE_URL=database-url:7,KEY=projects/p/secrets/key:latest
      - --set-env-vars=^@^ORIGINS=a,b@NODE_ENV=production
      - --no-allow-unauthenticated
substitutions:
  _MAX: '10'
`,
  });
  expect(deployments).toEqual([
    {
      platform: 'cloud-run',
      name: 'migrate',
      role: 'job',
      form: 'command',
      verb: 'run jobs deploy',
      place: { file, line: 12 },
      image: text('gcr.io/$PROJECT_ID/api', 12),
      command: text('npx prisma migrate deploy', 13),
      sqlInstances: { value: ['$_INSTANCE'], place: { file, line: 14 } },
      env: [],
      probes: [],
    },
    expect.objectContaining({ name: 'migrate', verb: 'run jobs execute', waits: { value: true, place: { file, line: 15 } } }),
    {
      platform: 'cloud-run',
      name: 'clinic-api',
      role: 'service',
      form: 'command',
      verb: 'run deploy',
      place: { file, line: 16 },
      maxInstances: number(10, 22),
      timeoutSeconds: number(300, 24),
      allowsAnybody: { value: false, place: { file, line: 28 } },
      env: [
        { name: 'DATABASE_URL', secret: { name: 'database-url', version: '7' }, place: { file, line: 25 } },
        { name: 'KEY', secret: { name: 'key', version: null }, place: { file, line: 25 } },
        { name: 'ORIGINS', value: 'a,b', place: { file, line: 27 } },
        { name: 'NODE_ENV', value: 'production', place: { file, line: 27 } },
      ],
      probes: [],
    },
  ]);
  expect(steps.map(({ id, place }) => [id, place.line])).toEqual([
    ['build', 2],
    ['migrate', 5],
    [null, 16],
  ]);
});

test('broken YAML is said and does not throw', () => {
  expect(read({ [file]: 'steps:\n  - name: [\n' })).toEqual({
    deployments: [],
    dockerfiles: [],
    steps: [],
    shared: [],
    unread: [{ file, why: 'it is not YAML' }],
  });
});

test('several containers, several projects, and pools of workers', () => {
  const { deployments } = read({
    [file]: `steps:
  - name: gcr.io/cloud-builders/gcloud
    args:
      - run
      - deploy
      - api
      - --project=$_PROJECT
      - --timeout=60
      - --container=collector
      - --image=collector
      - --memory=256Mi
      - --container=api
      - --image=api
      - --memory=$_MEMORY
      - --port=8080
  - name: gcr.io/cloud-builders/gcloud
    args: [run, worker-pools, deploy, worker, --instances=2]
substitutions: { _PROJECT: clinic-production, _MEMORY: 1Gi }
`,
  });
  expect(deployments).toMatchObject([
    { name: 'api', project: 'clinic-production', image: text('api', 13), memory: text('1Gi', 14), timeoutSeconds: number(60, 8) },
    { name: 'worker', role: 'worker', minInstances: number(2, 17), maxInstances: number(2, 17) },
  ]);
});
