/** Alone it has to resist whoever has the hash; beside a second factor it does not stand alone (NIST SP 800-63B-4). */
const SHORTEST_ALONE = 15;
const SHORTEST = 8;

/** How long a staff member is signed in: without a pause of so many minutes, and whatever they do. */
export const STAFF_SESSION = { idleMinutes: 15, hours: 12 };

/** The same on a device that staff share: after a shorter pause it is locked, and a PIN goes on with it. */
export const SHARED_SESSION = { idleMinutes: 5, hours: STAFF_SESSION.hours };

/** How long a code enrols a device. */
export const ENROLMENT_MINUTES = 10;

/** Recovery codes that come with a second factor. */
export const RECOVERY_CODES = 10;

/** How long an invitation can be accepted. */
export const INVITATION_DAYS = 7;

/** Whether a password may be the only factor. Letters count as people count them, not as bytes. */
export function isLong(password: string): boolean {
  return Array.from(password).length >= SHORTEST_ALONE;
}

/**
 * Why a password may not be chosen, or null. There is no rule of what it contains, only what everybody tries first: common ones,
 * one piece over and over, letters or digits in a row, and what is known of its person.
 */
export function faultOfPassword(
  password: string,
  { isCommon, hasSecondFactor, known }: { isCommon: (word: string) => boolean; hasSecondFactor: boolean; known: string[] },
): 'password-too-short' | 'password-too-common' | null {
  if (!isLong(password) && !(hasSecondFactor && Array.from(password).length >= SHORTEST)) return 'password-too-short';
  const folded = fold(password);
  const piece = /^(.{1,16}?)\1+$/u.exec(folded)?.[1];
  const names = known.flatMap((name) => [name, ...name.split(/\s+/)]).map(fold);
  const rest = names
    .filter((name) => name.length > 2)
    .toSorted((a, b) => b.length - a.length)
    .reduce((left, name) => left.replaceAll(name, ''), folded);
  const isOfPerson = rest.length < 4;
  const isGuessed =
    isCommon(password) || isCommon(folded) || (piece !== undefined && isPoor(piece, isCommon)) || isOfPerson || isRow(folded);
  return isGuessed ? 'password-too-common' : null;
}

function fold(text: string): string {
  return text.toLowerCase().replaceAll(/\s/g, '');
}

/** A piece that makes no password when it is repeated. */
function isPoor(piece: string, isCommon: (word: string) => boolean): boolean {
  return piece.length < 8 || isCommon(piece);
}

/** `abcdefgh`, `87654321`: each sign beside the one before. */
function isRow(text: string): boolean {
  const codes = Array.from(text).map((sign) => sign.codePointAt(0) ?? 0);
  // After 9 comes 0.
  const steps = new Set(
    codes
      .slice(1)
      .map((code, index) => code - (codes[index] ?? 0))
      .map((step) => (Math.abs(step) === 9 ? -step / 9 : step)),
  );
  return steps.size === 1 && (steps.has(1) || steps.has(-1));
}

/** A recovery or setup code as it is compared: people add blanks, dashes and small letters. */
export function plainCode(typed: string): string {
  return typed.toUpperCase().replaceAll(/[^A-Z2-7]/g, '');
}

/** A code in groups that people can read aloud. */
export function groupedCode(code: string, size: number): string {
  return (code.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).join('-');
}

/** Whether this is a code of an authenticator app, by its form. */
export function isAppCode(typed: string): boolean {
  return /^\d{6}$/.test(typed);
}

// The order matters: most browsers name others that they are like.
const BROWSERS: [part: RegExp, name: string][] = [
  [/\bEdg/, 'Edge'],
  [/\bFirefox\//, 'Firefox'],
  [/\bChrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: [part: RegExp, name: string][] = [
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Browser and system in a word each, so that a person knows their own. The rest of what a browser says of itself is not kept. */
export function deviceOf(userAgent: string): string {
  const nameIn = (known: [part: RegExp, name: string][]) => known.find(([part]) => part.test(userAgent))?.[1] ?? 'other';
  return `${nameIn(BROWSERS)}, ${nameIn(SYSTEMS)}`;
}

/** What whoever reviews is told of an emergency access: who read and when, nothing of the patient. Times in UTC. */
export function reviewWords(of: {
  organizationName: string;
  readerName: string;
  beginsAt: Date;
  endsAt: Date;
  reviewDueAt: Date;
  link: string;
}): { title: string; body: string } {
  const minute = (at: Date) => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const [organizationName, readerName] = [oneLine(of.organizationName), oneLine(of.readerName)];
  const { beginsAt, endsAt, reviewDueAt, link } = of;
  return {
    title: 'An emergency access waits for your review',
    body: [
      `${readerName} opened the record of one patient of ${organizationName} in an emergency, from ${minute(beginsAt)} to ${minute(endsAt)}.`,
      `Somebody else looks into it by ${minute(reviewDueAt)}: why it was opened, what was read, and whether that was right.`,
      link,
    ].join('\n\n'),
  };
}

/** A name on one line, so that it makes no paragraph of its own in an e-mail. */
function oneLine(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Z}]+/gu, ' ').trim();
}

/** What the e-mail with an invitation says. */
export function invitationWords(about: { givenName: string; organizationName: string; days: number; link: string }): {
  title: string;
  body: string;
} {
  return {
    title: 'Your account',
    body: `Hello ${oneLine(about.givenName)},

you are invited to sign in at ${oneLine(about.organizationName)}. Choose your password here within ${about.days} days:

${about.link}

The link works once. If you do not work there, do nothing.`,
  };
}

/** PINs that people choose most beside rows, repetitions and dates: rows and columns of the keypad, and famous numbers. */
const FAVOURITE_PINS = new Set(
  '142536 147258 147852 159357 159753 258369 258456 258852 321654 357159 456852 696969 741852 789456 852456 963852 951753 007007 314159 271828 420420 867530'.split(
    ' ',
  ),
);

/** Whether six digits are among the first that somebody would try: a row, a repetition, a mirror, pairs, a date or a favourite. */
export function isCommonPin(pin: string): boolean {
  const isRepeated = /^(\d{1,3})\1+$/.test(pin);
  const isOfPairs = /^(\d)\1(\d)\2(\d)\3$/.test(pin) || /^(\d)\1\1(\d)\2\2$/.test(pin);
  const isMirrored = pin === Array.from(pin).toReversed().join('');
  const isRunning = isRow(pin) || [pin.slice(0, 3), pin.slice(3)].every(isRow);
  return isRepeated || isOfPairs || isMirrored || isRunning || isDate(pin) || FAVOURITE_PINS.has(pin);
}

/** Day, month and year of two digits each, in any of the orders in which people write them; or a year of four and a month. */
function isDate(pin: string): boolean {
  const [a = 0, b = 0, c = 0] = [0, 2, 4].map((at) => Number(pin.slice(at, at + 2)));
  const isDayAndMonth = (day: number, month: number) => day >= 1 && day <= 31 && month >= 1 && month <= 12;
  const isCentury = (year: number) => year === 19 || year === 20;
  const isYearAndMonth = (isCentury(a) && c >= 1 && c <= 12) || (isCentury(b) && a >= 1 && a <= 12);
  return isDayAndMonth(a, b) || isDayAndMonth(b, a) || isDayAndMonth(c, b) || isDayAndMonth(b, c) || isYearAndMonth;
}

/** Whose passkey it is: one of staff, or a patient. */
export type Holder = { organizationId: string; personId: string };

/** The same as the device keeps it and gives it back: 32 bytes that say nothing to others. */
export function handleOf({ organizationId, personId }: Holder): Uint8Array<ArrayBuffer> {
  return Buffer.from(`${organizationId}${personId}`.replaceAll('-', ''), 'hex');
}

/** The same read back; null for what no passkey of ours would say. */
export function holderOf(handle: string): Holder | null {
  const bytes = Buffer.from(handle, 'base64url');
  if (bytes.length !== 32) return null;
  const idAt = (start: number) => bytes.toString('hex', start, start + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { organizationId: idAt(0), personId: idAt(16) };
}

/** What the e-mail with a link to a new password says. */
export function resetWords(about: { givenName: string; organizationName: string; link: string }): { title: string; body: string } {
  return {
    title: 'A new password',
    body: `Hello ${oneLine(about.givenName)},

somebody asked for a new password for your account at ${oneLine(about.organizationName)}. If it was you, choose one here within half an hour:

${about.link}

The link works once, and asks for your second factor where you have one. If it was not you, do nothing: your password stays.`,
  };
}
