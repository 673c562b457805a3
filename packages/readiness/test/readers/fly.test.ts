import { expect, test } from 'vitest';
import { readToml } from '../../src/project/readers/toml.ts';
import { at, read } from './read.ts';

const file = 'fly.toml';
const text = at<string>(file);
const number = at<number>(file);

test('the service, its worker and its release command', () => {
  const { deployments } = read({
    [file]: `app = 'clinic' # the name
primary_region = "ord"

[deploy]
  release_command = "npx prisma migrate deploy"

[env]
  NODE_ENV = "production"
  PORT = 8080

[processes]
  app = "node main.js"
  worker = "node worker.js"

[http_service]
  auto_stop_machines = "stop"
  min_machines_running = 1
  processes = ["app"]
  concurrency = { type = "requests", soft_limit = 50, hard_limit = 80 }

  [[http_service.checks]]
    path = "/health/ready"
    interval = "15s"
    timeout = "2s"
    grace_period = "10s"

[[vm]]
  memory = "1gb"
  cpus = 1
`,
  });
  const env = [
    { name: 'NODE_ENV', value: 'production', place: { file, line: 8 } },
    { name: 'PORT', value: '8080', place: { file, line: 9 } },
  ];
  expect(deployments).toEqual([
    {
      platform: 'fly',
      name: 'clinic',
      role: 'service',
      form: 'definition',
      place: { file, line: 15 },
      command: text('node main.js', 12),
      minInstances: number(1, 17),
      concurrency: number(80, 19),
      memory: text('1gb', 28),
      cpu: text('1', 29),
      env,
      probes: [{ kind: 'health', path: '/health/ready', place: { file, line: 21 }, seconds: { interval: 15, timeout: 2, start: 10 } }],
    },
    expect.objectContaining({ name: 'clinic/worker', role: 'worker', command: text('node worker.js', 13) }),
    expect.objectContaining({ name: 'clinic/release_command', role: 'job', command: text('npx prisma migrate deploy', 5) }),
  ]);
});

test('what TOML may hold', () => {
  const root = readToml(`a.b = 1_000
"c d" = '''x
y'''
list = [
  1, # one
  { e = true },
]
[t."u.v"]
f = "q\\"q"
`);
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner.value)]));
    return Array.isArray(value) ? value.map((one) => plain(one.value)) : value;
  };
  expect(plain(root)).toEqual({ a: { b: 1000 }, 'c d': 'x\ny', list: [1, { e: true }], t: { 'u.v': { f: 'q"q' } } });
  expect(tomlLine(root, 't')).toBe(8);
});

test.each(['=', '[', 'a = [', 'a = {', 'a = "', '[[a]', 'a'])('nothing broken throws: %j', (broken) => {
  expect(() => read({ [file]: broken })).not.toThrow();
});

function tomlLine(root: ReturnType<typeof readToml>, key: string): number | undefined {
  return root?.get(key)?.line;
}
