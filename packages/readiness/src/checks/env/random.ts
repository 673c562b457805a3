// Whether a text is a secret that somebody made, or stands in for one.

const STAND_IN =
  /[<>{}*[\]$%]|\.\.\.|^secret:|^encrypted:|^vault:|^arn:|^projects\/|your|change|replace|example|placeholder|sample|dummy|generate|openssl|insert|redacted|todo|fake|x{4,}/i;
const WORDS =
  /pass(word|wd)?|secret|admin|root|user|test|dev|local|demo|postgres|prisma|mysql|redis|default|guest|token|key|qwerty|letmein|12345/i;

/** `changeme`, `<your key>`, `${PASSWORD}`, `generate_with_...`: nobody is let in by it. */
export function isStandIn(value: string): boolean {
  return value.trim() === '' || STAND_IN.test(value) || /^[A-Z_]+$/.test(value) || /^(\/|\.\.?\/|https?:\/\/|file:)/.test(value);
}

/** As a generator makes it: hex of 16 bytes and more, or 20 and more mixed characters that are no words. */
export function isRandom(value: string): boolean {
  if (isStandIn(value)) return false;
  if (/^[0-9a-f]{32,}$/i.test(value)) return new Set(value.toLowerCase()).size >= 8 && bitsOf(value) >= 3;
  if (value.length < 20 || !/^[\w+/=.~!@#^&()-]+$/.test(value) || !/\d/.test(value) || !/[a-z]/i.test(value)) return false;
  return bitsOf(value) >= 3.5 && !isWords(value);
}

/** A password that somebody chose: not a stand-in, not the usual word of a machine of one's own. */
export function isChosen(value: string): boolean {
  return value.length >= 8 && !isStandIn(value) && (isRandom(value) || (!WORDS.test(value) && /\d|[^\w\s]/.test(value)));
}

/** `api-key-for-local-use-2`: parts that are letters only or digits only. */
function isWords(value: string): boolean {
  return value.split(/[-_.~/+=]+/).every((part) => /^([a-z]*|[A-Z]*|[A-Z]?[a-z]+([A-Z][a-z]+)*|\d*|v\d+)$/.test(part));
}

/** Shannon's entropy, bits for each character. */
function bitsOf(value: string): number {
  const counts = new Map<string, number>();
  for (const one of value) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / value.length) * Math.log2(count / value.length), 0);
}
