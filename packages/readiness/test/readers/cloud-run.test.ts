import { expect, test } from 'vitest';
import { at, read } from './read.ts';

const file = 'deploy/templates/service.yaml';
const text = at<string>(file);
const number = at<number>(file);

test('a service, with its annotations, secrets and probes', () => {
  const { deployments } = read({
    [file]: `apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: clinic-api
  annotations:
    run.googleapis.com/maxScale: '10'
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/minScale: '1'
        run.googleapis.com/cloudsql-instances: p:r:a,p:r:b
        run.googleapis.com/network-interfaces: '[{"network":"default"}]'
    spec:
      serviceAccountName: api@p.iam.gserviceaccount.com
      containerConcurrency: 80
      timeoutSeconds: 60
      containers:
        - image: gcr.io/p/otel
        - image: gcr.io/p/api
          args: [dist/main.js]
          ports: [{ containerPort: 8080 }]
          env:
            - name: NODE_ENV
              value: production
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef: { name: database-url, key: '3' }
            - name: KEY
              valueFrom:
                secretKeyRef: { name: key, key: latest }
          resources:
            limits:
              cpu: '1'
              memory: 512Mi
          startupProbe:
            httpGet: { path: /health/ready }
            periodSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: { path: /health/live }
            timeoutSeconds: 3
`,
  });
  expect(deployments).toEqual([
    {
      platform: 'cloud-run',
      name: 'clinic-api',
      role: 'service',
      form: 'definition',
      place: { file, line: 2 },
      image: text('gcr.io/p/api', 20),
      command: text('dist/main.js', 21),
      minInstances: number(1, 11),
      maxInstances: number(10, 6),
      concurrency: number(80, 16),
      timeoutSeconds: number(60, 17),
      cpu: text('1', 34),
      memory: text('512Mi', 35),
      sqlInstances: { value: ['p:r:a', 'p:r:b'], place: { file, line: 12 } },
      vpc: text('[{"network":"default"}]', 13),
      serviceAccount: text('api@p.iam.gserviceaccount.com', 15),
      env: [
        { name: 'NODE_ENV', value: 'production', place: { file, line: 25 } },
        { name: 'DATABASE_URL', secret: { name: 'database-url', version: '3' }, place: { file, line: 26 } },
        { name: 'KEY', secret: { name: 'key', version: null }, place: { file, line: 29 } },
      ],
      probes: [
        { kind: 'startup', path: '/health/ready', place: { file, line: 36 }, seconds: { interval: 2 }, failures: 30 },
        { kind: 'liveness', path: '/health/live', place: { file, line: 40 }, seconds: { timeout: 3 } },
      ],
    },
  ]);
});

test('a job', () => {
  const { deployments } = read({
    'deploy/job.yaml': `apiVersion: run.googleapis.com/v1
kind: Job
metadata: { name: migrate }
spec:
  template:
    metadata:
      annotations: { run.googleapis.com/cloudsql-instances: 'p:r:a' }
    spec:
      template:
        spec:
          timeoutSeconds: '600'
          containers:
            - image: api
              command: [npx, prisma]
              args: [migrate, deploy]
`,
  });
  expect(deployments).toMatchObject([
    {
      role: 'job',
      command: { value: 'npx prisma migrate deploy' },
      timeoutSeconds: { value: 600, place: { line: 11 } },
      sqlInstances: { value: ['p:r:a'] },
    },
  ]);
});
