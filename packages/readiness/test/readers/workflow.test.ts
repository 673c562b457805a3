import { expect, test } from 'vitest';
import { read } from './read.ts';

const file = '.github/workflows/deploy.yml';

test('run blocks and the action, with variables of the workflow', () => {
  const { deployments, steps } = read({
    [file]: `on: push
env:
  MAX: 8
jobs:
  deploy:
    steps:
      - uses: actions/checkout@v5
      - name: Migrate
        run: |
          npm ci
          npx prisma migrate deploy
      - run: gcloud run deploy api --max-instances \${{ env.MAX }} --region \${{ vars.REGION }}
      - uses: google-github-actions/deploy-cloudrun@v3
        with:
          service: api
          image: gcr.io/p/api:\${{ github.sha }}
          flags: --min-instances=1 --timeout=60
          env_vars: |
            NODE_ENV=production
            A=1
          secrets: |-
            DATABASE_URL=database-url:2
`,
  });
  expect(deployments).toMatchObject([
    { name: 'api', form: 'command', place: { file, line: 12 }, maxInstances: { value: 8, place: { file, line: 12 } } },
    {
      name: 'api',
      place: { line: 13 },
      image: { value: 'gcr.io/p/api:${{ github.sha }}', place: { line: 16 } },
      minInstances: { value: 1, place: { line: 17 } },
      timeoutSeconds: { value: 60, place: { line: 17 } },
      env: [
        { name: 'NODE_ENV', value: 'production', place: { line: 19 } },
        { name: 'A', value: '1', place: { line: 20 } },
        { name: 'DATABASE_URL', secret: { name: 'database-url', version: '2' }, place: { line: 22 } },
      ],
    },
  ]);
  expect(steps.slice(0, 2)).toEqual([
    { pipeline: file, place: { file, line: 7 }, id: null, text: 'uses actions/checkout@v5' },
    { pipeline: file, place: { file, line: 9 }, id: 'Migrate', text: 'npm ci\nnpx prisma migrate deploy\n' },
  ]);
});

test('jobs of GitLab', () => {
  const { deployments } = read({
    '.gitlab-ci.yml': `variables: { SERVICE: api }
deploy:
  script:
    - gcloud auth login
    - gcloud run deploy $SERVICE --cpu 2
`,
  });
  expect(deployments).toMatchObject([{ name: 'api', cpu: { value: '2', place: { file: '.gitlab-ci.yml', line: 5 } } }]);
});
