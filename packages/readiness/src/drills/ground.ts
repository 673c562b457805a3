// Where drills happen: the service as processes of ours, and the road to its database under our hand.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLiveDatabase, type LiveDatabase } from '../live/database.ts';
import type { Project } from '../project/project.ts';
import { maskSecrets } from '../project/source.ts';
import { loopbackTarget, rerouted } from './loopback.ts';
import { launch, spokenEnding, type ServiceProcess } from './process.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { readDrillSettings, type DrillSettings } from './settings.ts';

export type DrillGround = {
  say: (text: string) => void;
  settings: DrillSettings;
  /** Starts a process, with more environment than readiness.json gives it, and waits until it is ready. */
  start: (env?: Record<string, string>) => Promise<ServiceProcess>;
  /** Starts it and does not wait. */
  begin: (env?: Record<string, string>) => Promise<ServiceProcess>;
  proxy: Proxy;
  /** Past the proxy: for counting what the service did. */
  database: LiveDatabase;
  /** A text as a report may quote it: short, without what the environment gave. */
  quoted: (text: string) => string;
  /** Ends every process and opens the road, for the next drill. */
  clear: () => Promise<void>;
};

export type DrillOptions = {
  /** Where `${NAME}` and the database URL come from; the environment of this process unless told. */
  environment?: Record<string, string | undefined>;
  /** Instead of the variable that readiness.json names. */
  databaseUrl?: string;
  say?: (text: string) => void;
};

const START_MILLIS = 15_000;
/** A port that is free for a moment may be somebody else's in the next. */
const PORT_TRIES = 3;
const QUOTED_CHARACTERS = 400;

/**
 * Makes ready for drills what readiness.json describes. Throws a sentence when there is no such file, a field is wrong, or the
 * database is not on this machine. What was started ends with it, also when this process is told to end.
 */
export async function openDrillGround(project: Project, options: DrillOptions = {}): Promise<DrillGround & AsyncDisposable> {
  const environment = options.environment ?? process.env;
  const { folder } = project.files;
  if (folder === null) throw new Error('Drills start the service, so they need the project on disk.');
  const { settings, secrets } = readDrillSettings(project.files.read('readiness.json'), environment);
  const name = settings.databaseEnv;
  const databaseUrl = options.databaseUrl ?? environment[name];
  if (!databaseUrl) throw new Error(`The environment has no ${name}, which readiness.json names for the database of the drills.`);
  const target = loopbackTarget(databaseUrl, name);
  if (settings.observerUrl) loopbackTarget(settings.observerUrl, 'drill.observerUrl');
  secrets.push(databaseUrl, decodeURIComponent(new URL(databaseUrl).password));

  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openLiveDatabase(settings.observerUrl ?? databaseUrl));
  const proxy = stack.use(await startProxy(target));
  const running = new Set<ServiceProcess>();
  const killAll = () => Promise.all([...running].map((one) => one.kill()));
  stack.defer(async () => void (await killAll()));
  stack.adopt(endWithUs(running), (release) => release());

  const quoted = (text: string) => {
    const hidden = secrets.filter(({ length }) => length > 5).reduce((sum, secret) => sum.replaceAll(secret, '***'), text);
    return maskSecrets(hidden).trim().slice(-QUOTED_CHARACTERS);
  };
  const begin = async (env: Record<string, string> = {}) => {
    const [port, metricsPort] = await Promise.all([freePort(), freePort()]);
    const service = launch({
      command: settings.start,
      cwd: join(folder, settings.cwd),
      env: {
        ...settings.env,
        [name]: rerouted(databaseUrl, proxy.port),
        [settings.portEnv]: String(port),
        ...(settings.metricsPortEnv ? { [settings.metricsPortEnv]: String(metricsPort) } : {}),
        ...env,
      },
      port,
      metricsUrl: settings.metricsPortEnv ? `http://127.0.0.1:${metricsPort}` : null,
    });
    running.add(service);
    return service;
  };
  const start = async (env: Record<string, string> = {}) => {
    let service = await begin(env);
    let tries = 1;
    for (const deadline = performance.now() + START_MILLIS; ; await sleep(25)) {
      const ending = service.ending();
      // Somebody took the port between the moment when it was free and the start.
      if (ending && tries < PORT_TRIES && service.output().includes('EADDRINUSE')) {
        tries++;
        service = await begin(env);
        continue;
      }
      if (ending) throw new Error(`the service did not start (${spokenEnding(ending)}). It said last: ${quoted(service.output())}`);
      const { status, lost } = await service.get(settings.ready, 2_000);
      if (status === 200) return service;
      if (performance.now() < deadline) continue;
      const said = lost === null ? String(status) : `no answer at 127.0.0.1 (${lost})`;
      throw new Error(
        `${settings.ready} was not 200 within ${START_MILLIS / 1_000} s of the start, at last ${said}. The service said last: ${quoted(service.output())}`,
      );
    }
  };

  const kept = stack.move();
  return {
    say: options.say ?? (() => {}),
    settings,
    start,
    begin,
    proxy,
    database,
    quoted,
    clear: async () => {
      await killAll();
      running.clear();
      proxy.reset();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A signal that ends this process ends what it started first. */
function endWithUs(running: Set<ServiceProcess>): () => void {
  const end = () => {
    for (const one of running) one.signal('SIGKILL');
  };
  const endThenUs = (signal: NodeJS.Signals) => {
    end();
    process.kill(process.pid, signal);
  };
  process.once('exit', end);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, endThenUs);
  return () => {
    process.off('exit', end);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, endThenUs);
  };
}

/** One that nobody listens on now. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
