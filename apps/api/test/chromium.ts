import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where Chromium is, or undefined: what needs it is skipped then. */
export const CHROMIUM = [process.env['CHROMIUM_PATH'] ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

type Reply = { id?: number; result?: object; error?: { message: string } };

/** A page of a browser, driven by the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/). */
export type ChromiumPage = {
  /** Sends one command of the protocol. */
  command: <Result = object>(method: string, params?: object) => Promise<Result>;
  open: (url: string) => Promise<void>;
  /** What the expression is in the page, awaited; throws what it throws. A person has just clicked, as far as the page knows. */
  evaluate: <Result>(expression: string) => Promise<Result>;
  close: () => Promise<void>;
};

/** Starts Chromium without a window, with one empty page. */
export async function startChromium(path: string): Promise<ChromiumPage> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0'];
  const browser = spawn(path, [...flags, `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => browser.once('exit', () => resolve()));
  const address = await addressOf(browser.stderr);
  const targets = (await (await fetch(`http://${new URL(address).host}/json/list`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const socket = new WebSocket(targets.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? '');
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('Chromium does not answer.')));
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });

  let last = 0;
  async function command<Result>(method: string, params: object = {}): Promise<Result> {
    const id = ++last;
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method, params }));
    });
    waiting.delete(id);
    if (reply.error) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result as Result;
  }

  async function evaluate<Result>(expression: string): Promise<Result> {
    type Evaluated = { result: { value: Result }; exceptionDetails?: { exception?: { description?: string } } };
    const { result, exceptionDetails } = await command<Evaluated>('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? 'The page threw.');
    return result.value;
  }

  return {
    command,
    evaluate,
    open: async (url) => {
      // Through an empty page, so that a link which differs behind the # alone is loaded as well.
      for (const next of ['about:blank', url]) {
        await command('Page.navigate', { url: next });
        while (
          !(await evaluate<boolean>(`document.readyState === 'complete' && location.href !== 'about:blank' === ${next !== 'about:blank'}`))
        );
      }
    },
    close: async () => {
      socket.close();
      browser.kill();
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The address that Chromium says it listens on. */
async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, address] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error('Chromium did not start.');
}
