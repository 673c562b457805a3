import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorFields, type Log } from './log.ts';

/** Cloud Run gives ten seconds between SIGTERM and SIGKILL; requests get eight of them. */
const DRAIN_MILLIS = 8_000;

/** All parts together: whatever has not ended then is left to the operating system. */
const STOP_MILLIS = 9_500;

/** A part of the service that must be ended. */
export type Stoppable = { name: string; stop: () => Promise<void> };

/**
 * The one place that ends the process. On SIGTERM or SIGINT it stops taking new connections, finishes what is in flight, ends
 * the stages in order and lets the process exit. A second signal ends it at once. An error that nobody caught ends it the same
 * way, since nobody knows what state it left.
 */
export class Lifecycle {
  private readonly log: Log;
  private readonly stages: Stoppable[][] = [];
  private stopping: Promise<void> | null = null;

  constructor(log: Log) {
    this.log = log;
  }

  /** True from the first signal on: readiness answers 503 and connections are not kept. */
  get isStopping(): boolean {
    return this.stopping !== null;
  }

  /** Stages are ended in the order of these calls; the parts of one stage at once. */
  add(stage: Stoppable[]): void {
    this.stages.push(stage);
  }

  /** Installs the only signal and error handlers of the process. */
  handleSignals(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (this.isStopping) process.exit(1);
        this.log.info('stopping', { signal });
        void this.end(0);
      });
    }
    // Rejections that nobody handles arrive here as well. Node's own handler would print the message, which may quote a row.
    process.on('uncaughtException', (error) => {
      this.log.error('unhandled', errorFields(error));
      if (this.isStopping) process.exit(1);
      void this.end(1);
    });
  }

  stop(): Promise<void> {
    this.stopping ??= this.endAll();
    return this.stopping;
  }

  private async end(code: number): Promise<never> {
    const isDone = await Promise.race([this.stop().then(() => true), sleep(STOP_MILLIS, false, { ref: false })]);
    if (!isDone) this.log.error('stopping', { state: 'late' });
    this.log.flush();
    process.exit(isDone ? code : 1);
  }

  private async endAll(): Promise<void> {
    for (const stage of this.stages) await Promise.all(stage.map((part) => this.endOne(part)));
    this.log.info('stopped');
  }

  private async endOne({ name, stop }: Stoppable): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.log.error('stopping', { state: name, ...errorFields(error) });
    }
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
