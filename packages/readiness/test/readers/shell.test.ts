import { expect, test } from 'vitest';
import { read } from './read.ts';

test('a script: variables, lists of flags, comments, substitutions and texts that are no commands', () => {
  const { deployments, steps } = read({
    'scripts/deploy.sh': `#!/bin/bash
set -euo pipefail
export SERVICE="clinic-api" # the name
MAX="\${MAX:-12}"
FLAGS=(
  --concurrency 80
  --memory=1Gi # measured
)
cat > note.txt <<EOF
gcloud run deploy ghost --max-instances 1
EOF
# gcloud run deploy ghost
echo "gcloud run deploy ghost"
gcloud --project "$P" run deploy "$SERVICE" "\${FLAGS[@]}" \\
  --max-instances "$MAX" --min 1 \\
  --set-env-vars="A=1,B=it's" 2>&1 | tee log
URL=$(gcloud run services describe "$SERVICE" --format='value(status.url)')
gcloud beta run jobs deploy migrate --execute-now --wait && echo done
gcloud run deploy other $EXTRA_FLAGS --env-vars-file env.yaml
`,
    'scripts/env.yaml': 'NODE_ENV: production\nKEY: "x"\n',
  });
  const file = 'scripts/deploy.sh';
  expect(deployments).toMatchObject([
    {
      name: 'clinic-api',
      place: { line: 14 },
      concurrency: { value: 80, place: { file, line: 6 } },
      memory: { value: '1Gi', place: { line: 7 } },
      maxInstances: { value: 12, place: { line: 15 } },
      minInstances: { value: 1, place: { line: 15 } },
      env: [
        { name: 'A', value: '1', place: { line: 16 } },
        { name: 'B', value: "it's" },
      ],
    },
    { name: 'migrate', role: 'job', place: { line: 18 }, executes: { value: true }, waits: { value: true } },
    {
      name: 'other',
      place: { line: 19 },
      unseen: { value: '$EXTRA_FLAGS' },
      env: [
        { name: 'NODE_ENV', value: 'production', place: { file: 'scripts/env.yaml', line: 1 } },
        { name: 'KEY', value: 'x' },
      ],
    },
  ]);
  expect(deployments[0]).not.toHaveProperty('unseen');
  expect(steps.at(-1)).toEqual({
    pipeline: file,
    place: { file, line: 19 },
    id: null,
    text: 'gcloud run deploy other $EXTRA_FLAGS --env-vars-file env.yaml',
  });
});

test('scripts of tests, benchmarks and examples are not read', () => {
  const text = 'gcloud run deploy api\n';
  const { deployments } = read({
    'test/a.sh': text,
    'bench/a.sh': text,
    'examples/deploy/a.sh': text,
    'docs/a.sh': text,
    'bin/deploy.sh': text,
  });
  expect(deployments.map(({ place }) => place.file)).toEqual(['bin/deploy.sh']);
});

test.each(['a "', "a '", 'a $(', 'a ${', 'a <<EOF', 'A=(', '\\', 'gcloud run deploy', 'a &&', '<<'])(
  'nothing broken throws: %j',
  (text) => {
    expect(() => read({ 'scripts/migrate.sh': `gcloud x\n${text}` })).not.toThrow();
  },
);

test('scripts of package.json that deploy', () => {
  const { deployments } = read({
    'package.json': `{
  "scripts": {
    "start": "node main.js",
    "deploy": "gcloud run deploy api --timeout 60 --set-env-vars \\"A=1\\""
  }
}`,
  });
  expect(deployments).toMatchObject([
    { name: 'api', timeoutSeconds: { value: 60, place: { file: 'package.json', line: 4 } }, env: [{ name: 'A', value: '1' }] },
  ]);
});
