import { BenchConnection } from './http-client.ts';

export type Asked = { method: 'GET'; path: string } | { method: 'POST'; path: string; body: string };

/** `dueAt` in milliseconds since the run began, `millis` from then until the answer; status 0 when there was none. */
export type Answer = { dueAt: number; millis: number; status: number; id: string | null };

/** More callers than this are not connected at once; who comes then waits, and the wait counts. */
const MOST_CONNECTIONS = 1_000;

/**
 * Requests that arrive at a rate by themselves, at random moments (Poisson), whether or not earlier ones are answered. What a
 * server that falls behind does to people is seen only this way.
 */
export class OpenLoad {
  private readonly idle: BenchConnection[] = [];
  private readonly waiting: ((connection: BenchConnection) => void)[] = [];
  private connections = 0;
  private readonly port: number;
  private readonly next: (chance: number) => Asked;
  private readonly headers: Record<string, string>;

  /** `next` makes a request of a number between 0 and 1; every one has the headers as well. */
  constructor(port: number, next: (chance: number) => Asked, headers: Record<string, string> = {}) {
    this.headers = headers;
    this.port = port;
    this.next = next;
  }

  async run(perSecond: number, seconds: number): Promise<Answer[]> {
    const answers: Promise<Answer>[] = [];
    const since = performance.now();
    for (let dueAt = gap(perSecond); dueAt < seconds * 1_000; dueAt += gap(perSecond)) {
      const ahead = dueAt - (performance.now() - since);
      if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
      answers.push(this.ask(this.next(Math.random()), since, dueAt));
    }
    return Promise.all(answers);
  }

  close(): void {
    for (const connection of this.idle) connection.close();
  }

  private async ask(asked: Asked, since: number, dueAt: number): Promise<Answer> {
    const connection = await this.connect();
    try {
      const { status, body } =
        asked.method === 'GET'
          ? await connection.get(asked.path)
          : await connection.post(asked.path, asked.body, { 'idempotency-key': crypto.randomUUID() });
      const id = status === 201 ? (/"id":"([0-9a-f-]{36})"/.exec(body)?.[1] ?? null) : null;
      this.giveBack(connection);
      return { dueAt, millis: performance.now() - since - dueAt, status, id };
    } catch {
      connection.close();
      this.connections--;
      await this.replace();
      return { dueAt, millis: performance.now() - since - dueAt, status: 0, id: null };
    }
  }

  private async connect(): Promise<BenchConnection> {
    for (let free = this.idle.pop(); free; free = this.idle.pop()) {
      if (free.isOpen) return free;
      this.connections--;
    }
    if (this.connections >= MOST_CONNECTIONS) return new Promise((resolve) => this.waiting.push(resolve));
    this.connections++;
    return BenchConnection.open(this.port, this.headers);
  }

  /** Whoever waits for a connection would wait for ever for one that is gone. */
  private async replace(): Promise<void> {
    const waiting = this.waiting.shift();
    if (!waiting) return;
    this.connections++;
    waiting(await BenchConnection.open(this.port, this.headers));
  }

  private giveBack(connection: BenchConnection): void {
    const waiting = this.waiting.shift();
    if (waiting) waiting(connection);
    else this.idle.push(connection);
  }
}

/** Milliseconds to the next arrival of a Poisson process. */
function gap(perSecond: number): number {
  return (-Math.log(1 - Math.random()) * 1_000) / perSecond;
}
