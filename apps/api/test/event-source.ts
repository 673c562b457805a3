/** One event as a client gets it. */
export type Received = { event: string; id: number; data: Record<string, unknown> };

/** A client of a stream: everything that it heard, in order. */
export type Listening = {
  status: number;
  heard: Received[];
  /** Numbers of the events that tell of a change. */
  numbers: () => number[];
  heartbeats: () => number;
  /** True once the service has ended the answer as one that is whole; an error where the connection broke. */
  ended: Promise<boolean>;
  leave: () => Promise<void>;
};

/** Reads server-sent events as the standard has them, for as long as they come. */
export function listen(response: Response): Listening {
  const heard: Received[] = [];
  let heartbeats = 0;
  let isLeft = false;
  const reader = response.body?.getReader();

  function take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
    if (block.startsWith(':')) heartbeats++;
    if (!fields.has('event')) return;
    const data = JSON.parse(fields.get('data') ?? '') as Record<string, unknown>;
    heard.push({ event: fields.get('event') ?? '', id: Number(fields.get('id')), data });
  }

  async function readOn(): Promise<boolean> {
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return !isLeft;
      const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) take(block);
    }
  }

  const ended = readOn();
  ended.catch(() => {});
  return {
    status: response.status,
    heard,
    numbers: () => heard.filter(({ event }) => event === 'change').map(({ id }) => id),
    heartbeats: () => heartbeats,
    ended,
    leave: async () => {
      isLeft = true;
      await reader?.cancel();
    },
  };
}

/** What was answered; of a stream, which goes on, what it begins with. */
export async function textOf(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'text/event-stream' || !response.body) return response.text();
  const reader = response.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}
