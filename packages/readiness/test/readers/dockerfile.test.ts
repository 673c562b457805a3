import { expect, test } from 'vitest';
import { at, read } from './read.ts';

const file = 'backend/Dockerfile';
const set = at<string>(file);

test('the last stage is read through the stages that it stands on', () => {
  const [one] = read({
    [file]: `# syntax=docker/dockerfile:1
ARG NODE=24
FROM node:\${NODE}-slim AS base
ENV PORT=8080 NODE_ENV="production"
USER node

FROM base AS build
ARG COMMIT
RUN npm ci && \\
    # a comment within
    npm run build

FROM base
COPY --from=build /app/dist ./dist
RUN <<EOF
apt-get install -y wget
EOF
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \\
  CMD wget --spider http://localhost:8080/health || exit 1
ENTRYPOINT ["node"]
CMD ["dist/main.js"]
`,
  }).dockerfiles;
  expect(one).toEqual({
    path: file,
    from: set('node:24-slim', 13),
    stages: 3,
    user: set('node', 5),
    healthcheck: {
      kind: 'health',
      path: '/health',
      place: { file, line: 18 },
      seconds: { interval: 30, timeout: 3, start: 5 },
      failures: 3,
    },
    command: set('node dist/main.js', 21),
    env: [
      { name: 'NODE', value: '24', place: { file, line: 2 } },
      { name: 'PORT', value: '8080', place: { file, line: 4 } },
      { name: 'NODE_ENV', value: 'production', place: { file, line: 4 } },
      { name: 'COMMIT', place: { file, line: 8 } },
    ],
    runs: [set('<<EOF\napt-get install -y wget', 15)],
    copies: [set('--from=build /app/dist ./dist', 14)],
  });
});

test('a health check that is taken away is none, and what is no Dockerfile is not read', () => {
  const { dockerfiles } = read({ 'api.Dockerfile': 'FROM a\nHEALTHCHECK NONE\nCMD node main.js\n', 'Dockerfile.dockerignore': 'dist\n' });
  expect(dockerfiles).toMatchObject([{ path: 'api.Dockerfile', healthcheck: null, command: { value: 'node main.js' } }]);
});

test.each(['', 'FROM', 'RUN \\', 'CMD ["a', 'FROM a AS a\nFROM a AS a'])('nothing broken throws: %j', (text) => {
  expect(read({ Dockerfile: text }).dockerfiles).toHaveLength(1);
});
