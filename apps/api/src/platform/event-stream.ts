import type { Context } from 'hono';
import type { AppEnv } from './http.ts';

// Server-sent events (WHATWG HTML, 9.2): an answer that goes on, of which each event has a number that the browser sends when it comes
// back.

const EVENT_STREAM = 'text/event-stream';

/** What is sent and not taken yet; a client that leaves more is cut off, and catches up when it is back. */
const MOST_UNTAKEN_BYTES = 128 * 1_024;

/**
 * Clients that lost their stream all at once do not come back all at once, and each soon enough to hear within two seconds what happened
 * meanwhile: a platform that ends every request after a minute ends streams too.
 */
const BACK_AFTER_MILLIS = { least: 100, spread: 1_000 };

/** Whether a page asks by itself and waits for what happens, as `EventSource` says it does: nobody is at work because of that. */
export function isEventStream(headers: Headers): boolean {
  return headers.get('accept') === EVENT_STREAM;
}

/** One event as the format has it. `data` is one line. */
export function eventText(event: string, id: number, data: string): string {
  return `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;
}

/** A line that no client hears of; proxies and the server's own limits see that the connection lives. */
export const HEARTBEAT = ':\n\n';

/** A stream to one client. */
export type EventStream = {
  body: ReadableStream<Uint8Array>;
  /** False when the client leaves too much untaken; then it is to be dropped. */
  send: (text: string) => boolean;
  end: () => void;
};

/**
 * Opens a stream. `opened` is called when somebody begins to read it, so that nothing is left behind of a request that only asked for
 * headers or was answered otherwise meanwhile; `gone` when the client leaves.
 */
export function openEventStream({ opened, gone }: { opened: () => void; gone: () => void }): EventStream {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isOpened = false;
  const send = (text: string) => {
    controller?.enqueue(encoder.encode(text));
    // With a mark of zero, what is wanted is what is untaken, negative.
    return -(controller?.desiredSize ?? 0) <= MOST_UNTAKEN_BYTES;
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (own) => {
        controller = own;
      },
      pull: () => {
        if (isOpened) return;
        isOpened = true;
        send(`retry: ${Math.round(BACK_AFTER_MILLIS.least + Math.random() * BACK_AFTER_MILLIS.spread)}\n\n`);
        opened();
      },
      cancel: gone,
    },
    { highWaterMark: 0, size: (piece) => piece?.byteLength ?? 0 },
  );
  return { body, send, end: () => controller?.close() };
}

/** Answers with a stream. What it sends is of a documented form already. */
export function answerStream(c: Context<AppEnv>, body: ReadableStream<Uint8Array>) {
  // Proxies that collect answers before they pass them on are told not to.
  return c.body(body, 200, { 'content-type': EVENT_STREAM, 'x-accel-buffering': 'no' });
}

/** Ends the connection of a request at once, with what it was sent and did not take. Nothing without a socket, as in tests. */
export function dropConnection(c: Context<AppEnv>): void {
  (c.env as Partial<AppEnv['Bindings']> | undefined)?.outgoing?.destroy();
}
