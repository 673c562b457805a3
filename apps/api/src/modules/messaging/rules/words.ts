import { MESSAGE_FIELDS, MESSAGE_KINDS, type Channel, type MessageField, type MessageKind } from '@medspa/contracts';
import { segmentsOf } from './segments.ts';

/** What a template says. */
export type Words = { title: string | null; body: string };
/** What fills its places: text, or an instant that is written as a day or a time. */
export type Values = Partial<Record<MessageField, string | Date>>;
/** What signs somebody in. */
export type Secrets = { 'sign-in.code': string; 'sign-in.link': string };

/** The words that an organization has before it publishes its own. */
export const FIRST_WORDS: Partial<Record<MessageKind, Record<Channel, Words>>> = {
  'patient.sign-in': {
    email: {
      title: '{{organization.name}}: your sign-in code',
      body: 'Your code for {{organization.name}} is {{sign-in.code}}. It works once, for ten minutes.\n\nOr open this link:\n{{sign-in.link}}\n\nIf you did not ask for it, you need do nothing. Give it to nobody: we never ask for it.',
    },
    sms: {
      title: null,
      body: '{{organization.name}}: {{sign-in.code}} is your code, for ten minutes. Give it to nobody. Or open {{sign-in.link}}',
    },
  },
};

const PLACE = /\{\{\s*([a-z.-]+)\s*\}\}/g;
/** A text message of more parts is expensive and arrives in pieces. */
const MAX_SEGMENTS = 3;
const LONGEST_VALUE = 80;

/**
 * Words that say why somebody comes: a message travels in the clear and lights up on a locked screen. Whole words, whatever
 * their case; an organization adds its own, such as the names of its services.
 */
const CLINICAL = (
  'acne alopecia allergy anesthesia anxiety biopsy botox botulinum cancer cellulite chemical|peel coolsculpting depression dermal diagnosis diagnosed disease ' +
  'dysport facelift filler fillers hair|loss hiv hormone hormones hydrafacial hyaluronic implant incontinence injectable injectables injection injections ' +
  'jeuveau juvederm kybella laser liposuction medication melasma microneedling numbing ozempic peptide peptides photo photos pregnancy pregnant prescription ' +
  'prp restylane rosacea scar sculptra semaglutide sexual surgery symptom symptoms tattoo testosterone tirzepatide toxin vaginal varicose weight|loss wrinkle wrinkles xeomin'
)
  .split(' ')
  .map((word) => word.replace('|', ' '));

export type Fault = { pointer: '/title' | '/body'; detail: string };

/** Why these words may not be sent, if so; each fault with its place. */
export function faultsOf(kind: MessageKind, channel: Channel, words: Words, forbidden: readonly string[]): Fault[] {
  const pieces = [
    ['/body', words.body],
    ['/title', words.title ?? ''],
  ] as const;
  const fields: readonly string[] = MESSAGE_KINDS[kind].fields;
  const places = [...words.body.matchAll(PLACE)].map(([, name]) => name);
  const faults = pieces.flatMap(([pointer, text]) => {
    const unknown = [...text.matchAll(PLACE)].map(([, name = '']) => name).filter((name) => !fields.includes(name));
    const found = namesOf(text.replaceAll(PLACE, ' '), [...CLINICAL, ...forbidden]);
    return [
      ...unknown.map((name) => ({ pointer, detail: `This kind of message has no place "${name.slice(0, 40)}".` })),
      ...(/[{}]{2}/.test(text.replaceAll(PLACE, '')) ? [{ pointer, detail: 'A place is written {{like.this}}.' }] : []),
      ...found.map((word) => ({ pointer, detail: `"${word}" says too much about health or treatment.` })),
    ];
  });
  if (fields.includes('sign-in.code') && !places.includes('sign-in.code'))
    faults.push({ pointer: '/body', detail: 'Nobody signs in without {{sign-in.code}}.' });
  if (channel === 'sms' && faults.length === 0) {
    const { count } = segmentsOf(longest(words.body));
    if (count > MAX_SEGMENTS)
      faults.push({ pointer: '/body', detail: `Can be ${count} text messages long; at most ${MAX_SEGMENTS} are sent.` });
  }
  return faults;
}

function namesOf(text: string, words: readonly string[]): string[] {
  const plain = ` ${plainOf(text)} `;
  return words.filter((word) => plainOf(word) !== '' && plain.includes(` ${plainOf(word)} `));
}

function plainOf(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

const LONGEST: Record<(typeof MESSAGE_FIELDS)[MessageField], string> = {
  text: 'W'.repeat(30),
  date: 'Wednesday, September 30',
  time: '12:30 PM',
  code: '0'.repeat(8),
  link: 'W'.repeat(180),
};

function longest(body: string): string {
  return body.replaceAll(PLACE, (_, name: MessageField) => LONGEST[MESSAGE_FIELDS[name]]);
}

/**
 * The words with their places filled, in one pass: what a value says is never read as a place. A value is one line of
 * printable characters, so that it makes neither a header nor a paragraph of its own. Places without a value stay: those of secrets.
 */
export function fill({ title, body }: Words, values: Values, timeZone: string): Words {
  const write = (text: string) =>
    text.replaceAll(PLACE, (place, name: MessageField) => {
      const value = values[name];
      return value === undefined ? place : valueText(value, MESSAGE_FIELDS[name], timeZone);
    });
  return { title: title === null ? null : oneLine(write(title)), body: write(body) };
}

/** The same with its secrets, as it leaves. Where there are none nothing is read as a place. */
export function reveal({ title, body }: Words, secrets: Secrets | null): Words {
  if (!secrets) return { title, body };
  const write = (text: string) => text.replaceAll(PLACE, (place, name: string) => secrets[name as keyof Secrets] ?? place);
  return { title: title === null ? null : write(title), body: write(body) };
}

function valueText(value: string | Date, type: (typeof MESSAGE_FIELDS)[MessageField], timeZone: string): string {
  if (typeof value === 'string') return oneLine(value).slice(0, LONGEST_VALUE);
  const form: Intl.DateTimeFormatOptions =
    type === 'date' ? { weekday: 'long', month: 'long', day: 'numeric' } : { hour: 'numeric', minute: '2-digit' };
  return oneLine(new Intl.DateTimeFormat('en-US', { ...form, timeZone }).format(value));
}

/** Also the narrow blank that is written before AM and PM: one such character would double the price of a text message. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Z}]+/gu, ' ').trim();
}
