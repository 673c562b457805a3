import { expect, test } from 'vitest';
import { at, read } from './read.ts';

const file = 'k8s/api.yaml';
const text = at<string>(file);

test('workloads of several documents, their scaling, their proxy and what runs before', () => {
  const { deployments, shared } = read({
    [file]: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  replicas: 2
  template:
    spec:
      serviceAccountName: api
      initContainers:
        - name: migrate
          image: clinic/api:1
          command: [npx, prisma, migrate, deploy]
      containers:
        - name: proxy
          image: gcr.io/cloud-sql-connectors/cloud-sql-proxy:2
          args: ['--private-ip', 'p:r:db']
        - name: api
          image: clinic/api:1
          ports: [{ containerPort: 8080 }]
          envFrom:
            - secretRef: { name: api-env }
          env:
            - name: DATABASE_URL
              valueFrom: { secretKeyRef: { name: api, key: url } }
          resources:
            requests: { cpu: 250m }
            limits: { memory: 512Mi }
          readinessProbe:
            httpGet: { path: /health/ready, port: 8080 }
---
apiVersion: v1
kind: Secret
metadata: { name: api-env }
stringData:
  KEY: plain
data:
  OTHER: cGxhaW4=
`,
    'k8s/hpa.yaml': `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: api }
spec:
  scaleTargetRef: { kind: Deployment, name: api }
  minReplicas: 3
  maxReplicas: 9
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly }
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers: [{ name: a, image: clinic/api:1, args: [report] }]
`,
  });
  expect(deployments).toEqual([
    {
      platform: 'kubernetes',
      name: 'api',
      role: 'service',
      form: 'definition',
      place: { file, line: 2 },
      minInstances: { value: 3, place: { file: 'k8s/hpa.yaml', line: 6 } },
      maxInstances: { value: 9, place: { file: 'k8s/hpa.yaml', line: 7 } },
      sqlInstances: { value: ['p:r:db'], place: { file, line: 17 } },
      serviceAccount: text('api', 9),
      image: text('clinic/api:1', 19),
      cpu: text('250m', 27),
      memory: text('512Mi', 28),
      env: [
        { name: 'DATABASE_URL', secret: { name: 'api', version: 'url' }, place: { file, line: 24 } },
        { name: '*', secret: { name: 'api-env', version: null }, place: { file, line: 22 } },
      ],
      probes: [{ kind: 'readiness', path: '/health/ready', place: { file, line: 29 }, seconds: {} }],
    },
    expect.objectContaining({ name: 'api/migrate', role: 'job', verb: 'initContainer', command: text('npx prisma migrate deploy', 13) }),
    expect.objectContaining({ name: 'nightly', role: 'job', command: { value: 'report', place: { file: 'k8s/hpa.yaml', line: 17 } } }),
  ]);
  expect(shared).toEqual([
    { name: 'OTHER', value: 'plain', place: { file, line: 38 } },
    { name: 'KEY', value: 'plain', place: { file, line: 36 } },
  ]);
});

test('a template of Helm is said to be unread', () => {
  const path = 'charts/api/templates/deployment.yaml';
  const { unread } = read({ [path]: 'apiVersion: apps/v1\nkind: Deployment\n{{- if .Values.a }}\nspec: {}\n{{- end }}\n' });
  expect(unread).toEqual([{ file: path, why: 'it is a template that is not YAML by itself' }]);
});
