import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Mailbox } from './mailbox.ts';

// Twilio's REST API for text messages on this machine, as far as we use it: creating and listing messages, signed reports and
// inbound texts, STOP and START, its numbers of errors, and its ways to fail. https://www.twilio.com/docs/messaging/api

export type TextAccount = { url: string; accountSid: string; authToken: string; from: string };

/** The next request that creates a message: fails before it is taken, or after. */
export type TextFault = 'busy' | 'too-many' | 'broken' | 'broken-after-accept' | 'silent-after-accept' | 'reset-after-accept';

type Text = { sid: string; to: string; from: string; body: string; status: string; callback: string | null; createdAt: Date };
type Post = (url: string, form: URLSearchParams, signature: string) => Promise<number>;

export type TextProvider = {
  account: TextAccount;
  /** Every message that was accepted, oldest first. */
  texts: readonly Text[];
  /** Has the next requests fail, in order. */
  fail: (...faults: TextFault[]) => void;
  /** Somebody writes to our number; resolves to how many webhooks were answered well. */
  write: (from: string, body: string, times?: number) => Promise<number>;
  /** Reports what it has to report, each `times` over and in the given order of statuses. */
  report: (times?: number, statuses?: string[]) => Promise<void>;
  stop: () => Promise<void>;
};

export type TextProviderOptions = {
  /** Where inbound texts are posted; null keeps them. */
  inboundUrl?: () => string | null;
  /** How webhooks are posted; over HTTP unless told. Returns the status. */
  post?: Post;
  /** Called once a message is accepted and before its sender is told. */
  accepted?: (sid: string) => void | Promise<void>;
  /** Reports by itself that a message was delivered. */
  reports?: boolean;
};

const STOP = new Set(['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT']);
const START = new Set(['START', 'YES', 'UNSTOP']);
const HELP = new Set(['HELP', 'INFO']);
/** A number of Twilio's own tests that is never valid, and one that every text to is filtered by the carrier. */
const INVALID = '+15005550001';
const FILTERED = '+15005550007';

export async function startTextProvider(mailbox: Mailbox, options: TextProviderOptions = {}): Promise<TextProvider> {
  const { post = postForm, accepted = () => {}, inboundUrl = () => null } = options;
  const texts: Text[] = [];
  const faults: TextFault[] = [];
  const stopped = new Set<string>();
  const account = {
    url: '',
    accountSid: `AC${randomBytes(16).toString('hex')}`,
    authToken: randomBytes(16).toString('hex'),
    from: '+15005550006',
  };
  const basic = `Basic ${Buffer.from(`${account.accountSid}:${account.authToken}`).toString('base64')}`;

  const signed = (url: string, form: URLSearchParams) => post(url, form, signatureOf(account.authToken, url, form));
  const reportOne = (text: Text, status: string) => {
    if (text.callback === null) return Promise.resolve(0);
    const { sid, to, from } = text;
    const form = {
      MessageSid: sid,
      SmsSid: sid,
      MessageStatus: status,
      SmsStatus: status,
      To: to,
      From: from,
      AccountSid: account.accountSid,
    };
    // 30007: the carrier took it for spam.
    const error: Record<string, string> = status === 'undelivered' ? { ErrorCode: '30007' } : {};
    return signed(text.callback, new URLSearchParams({ ...form, ...error }));
  };
  const endOf = ({ to }: Text) => (to === FILTERED ? 'undelivered' : 'delivered');

  async function create(form: URLSearchParams, response: ServerResponse): Promise<void> {
    const fault = faults.shift();
    if (fault === 'busy') return refuse(response, 503, 20_503);
    if (fault === 'too-many') return refuse(response, 429, 20_429);
    if (fault === 'broken') return refuse(response, 500, 20_500);
    const [to, from, body] = [form.get('To') ?? '', form.get('From') ?? '', form.get('Body') ?? ''];
    if (body === '') return refuse(response, 400, 21_602);
    if (from !== account.from) return refuse(response, 400, 21_606);
    if (to === INVALID || !/^\+[1-9]\d{6,14}$/.test(to)) return refuse(response, 400, 21_211);
    if (stopped.has(to)) return refuse(response, 400, 21_610);
    if (body.length > 1_600) return refuse(response, 400, 21_617);
    const text = { sid: newSid(), to, from, body, status: 'queued', callback: form.get('StatusCallback'), createdAt: new Date() };
    texts.push(text);
    const entry = mailbox.receive({ id: text.sid, channel: 'sms', from, to, title: null, body, status: 'queued' });
    await accepted(text.sid);
    if (fault === 'broken-after-accept') return refuse(response, 500, 20_500);
    if (fault === 'reset-after-accept') return void response.destroy();
    if (fault === 'silent-after-accept') return;
    send(response, 201, shown(text));
    entry.status = text.status = endOf(text);
    if (options.reports) for (const status of ['sent', text.status]) await reportOne(text, status).catch(() => 0);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    if (request.headers.authorization !== basic) return refuse(response, 401, 20_003);
    if (pathname !== `/2010-04-01/Accounts/${account.accountSid}/Messages.json`) return refuse(response, 404, 20_404);
    if (request.method === 'POST') return create(new URLSearchParams(await read(request)), response);
    const [to, from] = [searchParams.get('To'), searchParams.get('From')];
    const found = texts.filter((text) => (!to || text.to === to) && (!from || text.from === from)).toReversed();
    send(response, 200, { messages: found.slice(0, Number(searchParams.get('PageSize') ?? 50)).map(shown), next_page_uri: null });
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  account.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    account,
    texts,
    fail: (...next) => void faults.push(...next),
    report: async (times = 1, statuses) => {
      for (const text of texts)
        for (const status of statuses ?? ['sent', endOf(text)]) for (let time = 0; time < times; time++) await reportOne(text, status);
    },
    write: async (from, body, times = 1) => {
      const word = body.trim().toUpperCase();
      const said = STOP.has(word) ? 'STOP' : START.has(word) ? 'START' : HELP.has(word) ? 'HELP' : null;
      if (said === 'STOP') stopped.add(from);
      if (said === 'START') stopped.delete(from);
      const messageSid = newSid();
      if (said)
        mailbox.receive({
          id: newSid(),
          channel: 'sms',
          from: account.from,
          to: from,
          title: null,
          body: REPLIES[said],
          status: 'delivered',
        });
      const url = inboundUrl();
      if (url === null) return 0;
      const form = { MessageSid: messageSid, SmsSid: messageSid, AccountSid: account.accountSid, From: from, To: account.from, Body: body };
      const parameters = new URLSearchParams({ ...form, NumMedia: '0', ...(said ? { OptOutType: said } : {}) });
      const answers = await Promise.all(Array.from({ length: times }, () => signed(url, parameters)));
      return answers.filter((status) => status < 300).length;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The one confirmation that the provider sends by itself. */
const REPLIES = {
  STOP: 'You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.',
  START: 'You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe.',
  HELP: 'Reply STOP to unsubscribe. Msg&Data Rates May Apply.',
};

function newSid(): string {
  return `SM${randomBytes(16).toString('hex')}`;
}

function shown({ sid: id, to, from, body, status, createdAt }: Text): object {
  return { sid: id, to, from, body, status, date_created: createdAt.toUTCString(), date_sent: null, error_code: null };
}

function refuse(response: ServerResponse, status: number, code: number): void {
  send(response, status, { code, message: 'refused', more_info: `https://www.twilio.com/docs/errors/${code}`, status });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

/** X-Twilio-Signature: the address, then names and values in order of the names, by HMAC-SHA1 with the token, in base64. */
function signatureOf(authToken: string, url: string, form: URLSearchParams): string {
  const sorted = [...form].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha1', authToken)
    .update(url + sorted.flat().join(''))
    .digest('base64');
}

async function postForm(url: string, form: URLSearchParams, signature: string): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    body: form,
    headers: { 'x-twilio-signature': signature },
    signal: AbortSignal.timeout(5_000),
  });
  return response.status;
}
