import { z } from 'zod';

/** Keys of the configuration that say who carries messages. */
export const SENDER_KEYS = {
  SMTP_URL: z.string().trim().min(1).optional(),
  MAIL_FROM: z.string().trim().min(1).optional(),
  TWILIO_ACCOUNT_SID: z.string().trim().min(1).optional(),
  TWILIO_AUTH_TOKEN: z.string().trim().min(1).optional(),
  TWILIO_FROM: z.string().trim().min(1).optional(),
  TWILIO_URL: z.url({ protocol: /^https?$/, error: 'not an http(s) URL' }).default('https://api.twilio.com'),
};
type SenderEnvironment = z.infer<z.ZodObject<typeof SENDER_KEYS>>;

/** Where e-mails are handed over, and text messages. Null where nothing is configured: that channel sends nothing. */
export type SenderSettings = {
  mail: { host: string; port: number; secure: boolean; user: string | null; password: string; from: string } | null;
  twilio: { url: string; accountSid: string; authToken: string; from: string } | null;
};

/** Adds to `problems` what is wrong; no line holds a value. */
export function sendersOf(env: SenderEnvironment, isProduction: boolean, problems: string[]): SenderSettings {
  return { mail: mailOf(env, problems), twilio: twilioOf(env, isProduction, problems) };
}

function mailOf({ SMTP_URL, MAIL_FROM }: SenderEnvironment, problems: string[]): SenderSettings['mail'] {
  if (SMTP_URL === undefined) {
    if (MAIL_FROM !== undefined) problems.push('SMTP_URL: missing; MAIL_FROM alone sends nothing.');
    return null;
  }
  const from = MAIL_FROM ?? '';
  const url = URL.canParse(SMTP_URL) ? new URL(SMTP_URL) : null;
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '' || url.search !== '' || !/^\/?$/.test(url.pathname)) {
    problems.push('SMTP_URL: not smtp://user:password@host:port or smtps://...; TLS is asked for either way, but on this machine.');
    return null;
  }
  if (!/^(?:[^<>@"\r\n]+<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/.test(from)) {
    problems.push('MAIL_FROM: missing, or not an address like "Willow & Ash <desk@clinic.example>".');
    return null;
  }
  const secure = url.protocol === 'smtps:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 465 : 587)),
    secure,
    user: url.username === '' ? null : decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    from,
  };
}

const TWILIO_FORMS = {
  TWILIO_ACCOUNT_SID: [/^AC[0-9a-f]{32}$/, 'AC and 32 hex digits'],
  TWILIO_AUTH_TOKEN: [/^[0-9a-f]{32}$/, '32 hex digits'],
  TWILIO_FROM: [/^\+[1-9]\d{6,14}$/, 'an international number like +12125550100'],
} as const;

function twilioOf(env: SenderEnvironment, isProduction: boolean, problems: string[]): SenderSettings['twilio'] {
  const keys = Object.keys(TWILIO_FORMS) as (keyof typeof TWILIO_FORMS)[];
  if (keys.every((key) => env[key] === undefined)) return null;
  const wrong = keys.filter((key) => !TWILIO_FORMS[key][0].test(env[key] ?? ''));
  problems.push(...wrong.map((key) => `${key}: missing, or not ${TWILIO_FORMS[key][1]}.`));
  if (isProduction && !env.TWILIO_URL.startsWith('https:')) problems.push('TWILIO_URL: in production it is https.');
  const { TWILIO_URL, TWILIO_ACCOUNT_SID = '', TWILIO_AUTH_TOKEN = '', TWILIO_FROM = '' } = env;
  return { url: TWILIO_URL.replace(/\/$/, ''), accountSid: TWILIO_ACCOUNT_SID, authToken: TWILIO_AUTH_TOKEN, from: TWILIO_FROM };
}
