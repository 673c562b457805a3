import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorFields, type Log } from './log.ts';

/** Cloud Run gives ten seconds between SIGTERM and SIGKILL; requests get eight of them. */
const DRAIN_MILLIS = 8_000;

/** A part of the service that must be ended, in the order given. */
export type Stoppable = { name: string; stop: () => Promise<void> };

/**
 * The one place that ends the process. On SIGTERM or SIGINT it stops taking new connections, finishes what is in flight, ends
 * the parts in order and lets the process exit. A second signal ends it at once.
 */
export class Lifecycle {
  private readonly log: Log;
  private readonly parts: Stoppable[] = [];
  private stopping: Promise<void> | null = null;

  constructor(log: Log) {
    this.log = log;
  }

  /** True from the first signal on: readiness answers 503 and connections are not kept. */
  get isStopping(): boolean {
    return this.stopping !== null;
  }

  /** Ended in the order of these calls. */
  add(part: Stoppable): void {
    this.parts.push(part);
  }

  /** Installs the only signal handlers of the process. */
  handleSignals(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (this.isStopping) process.exit(1);
        this.log.info('stopping', { signal });
        void this.stop().then(() => process.exit(0));
      });
    }
  }

  stop(): Promise<void> {
    this.stopping ??= this.endAll();
    return this.stopping;
  }

  private async endAll(): Promise<void> {
    for (const part of this.parts) {
      try {
        await part.stop();
      } catch (error) {
        this.log.error('request failed', { state: part.name, ...errorFields(error) });
      }
    }
    this.log.info('stopped');
    this.log.flush();
  }
}

/** Lets an HTTP server finish: idle connections go at once, busy ones after their answer, all of them after eight seconds. */
export async function drain(server: Server, limitMillis = DRAIN_MILLIS): Promise<void> {
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      isClosed = true;
      resolve();
    });
  });
  for (const deadline = Date.now() + limitMillis; Date.now() < deadline && !isClosed;) {
    server.closeIdleConnections();
    await Promise.race([closed, sleep(50)]);
  }
  server.closeAllConnections();
  await closed;
}
