import { z } from 'zod';
import { only } from './fields.ts';
import { Email, Id, multilineText, Phone, text, WallTime, wrong } from './primitives.ts';

export const CHANNELS = ['email', 'sms'] as const;
export type Channel = (typeof CHANNELS)[number];

export const PURPOSES = ['transactional', 'marketing'] as const;
export type Purpose = (typeof PURPOSES)[number];

/**
 * What fills the places of a template, and of which type: text as it is, an instant as a day or a time of the location. What
 * signs somebody in, a code or a link, is filled in as the message leaves: what is kept of it has the place in its stead.
 */
export const MESSAGE_FIELDS = {
  'organization.name': 'text',
  'patient.name': 'text',
  'location.name': 'text',
  'location.address': 'text',
  'appointment.date': 'date',
  'appointment.time': 'time',
  'sign-in.code': 'code',
  'sign-in.link': 'link',
} as const;
export type MessageField = keyof typeof MESSAGE_FIELDS;

const OF_A_VISIT = [
  'organization.name',
  'patient.name',
  'location.name',
  'location.address',
  'appointment.date',
  'appointment.time',
] as const;

/** Every kind of message, what it is for, and what it may speak of. None may name a treatment: it travels in the clear. */
export const MESSAGE_KINDS = {
  'appointment.confirmation': { purpose: 'transactional', fields: OF_A_VISIT },
  'appointment.reminder': { purpose: 'transactional', fields: OF_A_VISIT },
  'appointment.cancellation': { purpose: 'transactional', fields: OF_A_VISIT },
  'patient.sign-in': { purpose: 'transactional', fields: ['organization.name', 'sign-in.code', 'sign-in.link'] },
} as const satisfies Record<string, { purpose: Purpose; fields: readonly MessageField[] }>;
export type MessageKind = keyof typeof MESSAGE_KINDS;

const Kind = z.enum(Object.keys(MESSAGE_KINDS) as [MessageKind, ...MessageKind[]]).meta({ examples: ['appointment.reminder'] });
const ChannelName = z.enum(CHANNELS);

// ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const MessageTemplate = z
  .object({
    id: Id,
    kind: Kind,
    channel: ChannelName,
    revision: z.int(),
    title: z.string().nullable().describe('subject line of an e-mail'),
    body: z.string(),
    isActive: z.boolean().describe('one revision of a kind and channel is'),
  })
  .meta({ id: 'MessageTemplate' });
export type MessageTemplate = z.infer<typeof MessageTemplate>;

export const PublishTemplate = z
  .strictObject({
    kind: Kind,
    channel: ChannelName.meta({ examples: ['email'] }),
    title: text(120)
      .nullish()
      .describe('subject line, of an e-mail only')
      .meta({ examples: ['See you on {{appointment.date}}'] }),
    body: multilineText(4_000)
      .describe('text with places such as `{{patient.name}}`')
      .meta({
        examples: ['{{organization.name}}: we expect you on {{appointment.date}} at {{appointment.time}}.'],
      }),
  })
  .superRefine(({ channel, title }, check) => {
    if ((channel === 'email') !== (title !== null && title !== undefined))
      check.addIssue({ code: 'custom', path: ['title'], message: channel === 'email' ? 'Required.' : 'A text message has none.' });
  });
export type PublishTemplate = z.infer<typeof PublishTemplate>;

// ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const MESSAGE_STATES = ['queued', 'sending', 'sent', 'failed', 'suppressed'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

export const Message = z
  .object({
    id: Id,
    kind: z.string(),
    purpose: z.enum(PURPOSES),
    channel: ChannelName,
    aboutId: Id.describe('what it tells of, such as an appointment'),
    state: z.enum(MESSAGE_STATES),
    reason: z.string().nullable().describe('code of why it waits, was withheld or failed'),
    providerStatus: z.string().nullable().describe('what the provider said of it last'),
    templateRevision: z.int().nullable(),
    address: only('patient:contact', z.string().nullable().describe('where it went; null until it was sent')).optional(),
    title: only('patient:clinical', z.string().nullable()).optional(),
    body: only('patient:clinical', z.string().nullable().describe('what it said; null until it was sent')).optional(),
    sendAfter: z.string(),
    sentAt: z.string().nullable(),
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof Message>;

// ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whose number it is nobody can ask here, so it says its country itself. */
const International = Phone.refine((said) => said.startsWith('+'));
const Address = z.union([Email, International], wrong('Neither an e-mail address nor an international number.'));

export const RecordConsent = z.strictObject({
  address: only(
    'patient:contact',
    Address.describe('an e-mail address, or a phone number for text messages').meta({ examples: ['maya@example.com'] }),
  ),
  purpose: z.enum(PURPOSES),
  isGranted: z.boolean(),
  source: z.enum(['patient', 'staff']).describe('who said so'),
});
export type RecordConsent = z.infer<typeof RecordConsent>;

export const FindConsent = z.strictObject({ address: only('patient:contact', Address.meta({ examples: ['maya@example.com'] })) });
export type FindConsent = z.infer<typeof FindConsent>;

export const Consent = z
  .object({
    channel: ChannelName,
    purposes: z.array(
      z.object({
        purpose: z.enum(PURPOSES),
        isGranted: z.boolean(),
        source: z.string().nullable().describe('null where nobody said anything yet'),
        at: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Consent' });
export type Consent = z.infer<typeof Consent>;

// ── policy ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const quietFrom = WallTime.describe('what is not urgent waits from this time of the recipient ...').meta({ examples: ['21:00'] });
const quietUntil = WallTime.describe('... until this one').meta({ examples: ['08:00'] });

export const MessagePolicy = z
  .object({ revision: z.int().describe('0 until somebody set one'), quietFrom, quietUntil, forbiddenWords: z.array(z.string()) })
  .meta({ id: 'MessagePolicy' });
export type MessagePolicy = z.infer<typeof MessagePolicy>;

export const SetMessagePolicy = z
  .strictObject({
    revision: z
      .int()
      .nonnegative()
      .max(2_000_000_000)
      .describe('the one that you have read')
      .meta({ examples: [0] }),
    quietFrom,
    quietUntil,
    forbiddenWords: z.array(text(40)).max(200).describe('no template may hold them, beside those that none may hold anywhere'),
  })
  .superRefine((policy, check) => {
    for (const key of ['quietFrom', 'quietUntil'] as const)
      if (policy[key] === '24:00') check.addIssue({ code: 'custom', path: [key], message: 'A day begins at 00:00.' });
  });
export type SetMessagePolicy = z.infer<typeof SetMessagePolicy>;
