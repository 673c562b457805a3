import { MESSAGE_FIELDS, MESSAGE_KINDS, type Channel, type MessageField, type MessageKind } from '@medspa/contracts';
import { segmentsOf } from './segments.ts';

/** What a template says. */
export type Words = { title: string | null; body: string };
/** What fills its places: text, or an instant that is written as a day or a time. */
export type Values = Record<MessageField, string | Date>;

const PLACE = /\{\{\s*([a-z.]+)\s*\}\}/g;
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
  const faults = pieces.flatMap(([pointer, text]) => {
    const unknown = [...text.matchAll(PLACE)].map(([, name = '']) => name).filter((name) => !fields.includes(name));
    const found = namesOf(text.replaceAll(PLACE, ' '), [...CLINICAL, ...forbidden]);
    return [
      ...unknown.map((name) => ({ pointer, detail: `This kind of message has no place "${name.slice(0, 40)}".` })),
      ...(/[{}]{2}/.test(text.replaceAll(PLACE, '')) ? [{ pointer, detail: 'A place is written {{like.this}}.' }] : []),
      ...found.map((word) => ({ pointer, detail: `"${word}" says too much about health or treatment.` })),
    ];
  });
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
};

function longest(body: string): string {
  return body.replaceAll(PLACE, (_, name: MessageField) => LONGEST[MESSAGE_FIELDS[name]]);
}

/**
 * The words with their places filled, in one pass: what a value says is never read as a place. A value is one line of
 * printable characters, so that it makes neither a header nor a paragraph of its own.
 */
export function fill({ title, body }: Words, values: Values, timeZone: string): Words {
  const write = (text: string) =>
    text.replaceAll(PLACE, (_, name: MessageField) => valueText(values[name], MESSAGE_FIELDS[name], timeZone));
  return { title: title === null ? null : oneLine(write(title)), body: write(body) };
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
