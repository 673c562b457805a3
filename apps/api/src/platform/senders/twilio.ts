import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Config } from '../config.ts';
import type { Handover, Outgoing, Sender } from './index.ts';
import { smallText } from '../small-answer.ts';

type TwilioSettings = NonNullable<Config['twilio']>;

const LIMIT_MILLIS = 10_000;
/** An answer is a few kilobytes; a page of messages less than this. */
const MAX_ANSWER_BYTES = 1_000_000;

const Created = z.object({ sid: z.string().regex(/^(SM|MM)[0-9a-f]{32}$/) });
const Refused = z.object({ code: z.int() });
const Listed = z.object({ messages: z.array(z.object({ sid: z.string(), body: z.string(), to: z.string(), date_created: z.string() })) });

/** The person has sent STOP to our number, or the carrier blocks it. */
const OPTED_OUT = 21_610;

/** Text messages by Twilio's REST API, which has no idempotency key: what became of an unknown handover is found in its list. */
export function createTextSender(settings: TwilioSettings, apiUrl: string): Sender {
  const { url, accountSid, authToken, from } = settings;
  const address = `${url}/2010-04-01/Accounts/${accountSid}/Messages.json`;
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;

  async function ask(target: string, body?: URLSearchParams): Promise<{ status: number; answer: unknown }> {
    const response = await fetch(target, {
      method: body ? 'POST' : 'GET',
      headers: { authorization, accept: 'application/json' },
      ...(body ? { body } : {}),
      redirect: 'error',
      signal: AbortSignal.timeout(LIMIT_MILLIS),
    });
    return { status: response.status, answer: await smallJson(response) };
  }

  return {
    provider: 'twilio',
    send: async (message) => {
      const form = new URLSearchParams({ To: message.to, From: from, Body: message.body, StatusCallback: callbackOf(apiUrl, message) });
      try {
        const { status, answer } = await ask(address, form);
        return handoverOf(status, answer);
      } catch (error) {
        return isUnreached(error) ? { outcome: 'later', code: 'twilio-unreached' } : { outcome: 'unknown', code: 'twilio-no-answer' };
      }
    },
    find: async (message, since) => {
      try {
        const { status, answer } = await ask(
          `${address}?${new URLSearchParams({ To: message.to, From: from, PageSize: '200' }).toString()}`,
        );
        const listed = Listed.safeParse(answer);
        if (status !== 200 || !listed.success) return null;
        // Clocks differ by a little, and a trial account writes a line of its own before the text.
        const earliest = since.getTime() - 60_000;
        return listed.data.messages
          .filter(({ body, date_created: at }) => body.trimEnd().endsWith(message.body.trimEnd()) && Date.parse(at) >= earliest)
          .map(({ sid }) => sid);
      } catch {
        return null;
      }
    },
  };
}

/**
 * Numbers that are about the recipient or the text: no valid number, none that can be reached, none for texts, no or too much text.
 * https://www.twilio.com/docs/api/errors
 */
const ABOUT_THE_MESSAGE = new Set([21211, 21214, 21217, 21602, 21604, 21612, 21614, 21617, 21619, 21635]);

function handoverOf(status: number, answer: unknown): Handover {
  const created = Created.safeParse(answer);
  if (status === 201 && created.success) return { outcome: 'accepted', providerId: created.data.sid };
  const number = Refused.safeParse(answer).data?.code;
  const code = `twilio-${number ?? status}`;
  if (number === OPTED_OUT) return { outcome: 'opted-out', code };
  if (number !== undefined && ABOUT_THE_MESSAGE.has(number)) return { outcome: 'refused', code };
  // Who we are, what we send from and how much we ask is not a fault of the message, and may be mended.
  if (status >= 400 && status < 500) return { outcome: 'later', code };
  return { outcome: 'unknown', code };
}

async function smallJson(response: Response): Promise<unknown> {
  const text = await smallText(response, MAX_ANSWER_BYTES);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function isUnreached(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: string } };
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(cause?.code ?? '');
}

/** Where the provider reports. The address says whose message it is, and is part of what the provider signs. */
function callbackOf(apiUrl: string, { organizationId, id }: Outgoing): string {
  return `${apiUrl}/hooks/twilio/${organizationId}/status?message=${id}`;
}

/**
 * Whether Twilio made this request: X-Twilio-Signature is the base64 HMAC-SHA1, by the account's token, of the whole address
 * and of every posted name and value in order of the names.
 */
export function isSignedByTwilio(authToken: string, url: string, form: URLSearchParams, signature: string | undefined): boolean {
  const given = Buffer.from(signature ?? '', 'base64');
  const wanted = createHmac('sha1', authToken).update(signedText(url, form), 'utf8').digest();
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function signedText(url: string, form: URLSearchParams): string {
  const names = [...new Set(form.keys())].toSorted();
  // Of a name that stands several times, each value once, in order.
  return (
    url +
    names
      .map((name) =>
        [...new Set(form.getAll(name))]
          .toSorted()
          .map((value) => `${name}${value}`)
          .join(''),
      )
      .join('')
  );
}
