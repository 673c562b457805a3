import { availableParallelism } from 'node:os';
import { hash, parseOptions, verify } from '@node-rs/argon2';
import { dictionary } from '@zxcvbn-ts/language-common';
import { bulkhead } from 'cockatiel';

/** What a hash costs: argon2id, which is the library's default kind. Hashes that cost less are made anew when their person signs in. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/**
 * Who is at work with a password at a time: each takes 19 MB, a thread and a processor for some 40 ms, so one processor is left to
 * everything else. Where all of them hashed, bookings waited for seconds (`npm run bench -- sign-in`). The others queue: as many as
 * can be served before their requests run out of time.
 */
const places = bulkhead(Math.max(1, Math.min(4, availableParallelism() - 1)), 256);

/** Lets somebody try a password once it is their turn, with all that the try needs. Throws what the platform answers as `overloaded`. */
export function inTurn<Result>(attempt: () => Promise<Result>): Promise<Result> {
  return places.execute(attempt);
}

/** PHC string of a keyed password, in turn. Throws what the platform answers as `overloaded` when too many wait. */
export function hashPassword(keyed: string): Promise<string> {
  return places.execute(() => hash(keyed, COST));
}

/** Whether this is the keyed password of the hash, within `inTurn`. With null, for a person who is not there, it is no, after the same work. */
export async function isPasswordOf(stored: string | null, keyed: string): Promise<boolean> {
  const isRight = await verify(stored ?? NOBODYS, keyed);
  return stored !== null && isRight;
}
/** A hash that no password has, as costly as the others. */
const NOBODYS = `$argon2id$v=19$m=${COST.memoryCost},t=${COST.timeCost},p=${COST.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Whether the hash costs less than one that is made today. */
export function isCheap(stored: string): boolean {
  const { memoryCost, timeCost } = parseOptions(stored);
  return memoryCost < COST.memoryCost || timeCost < COST.timeCost;
}

/** Shorter ones are refused for that. */
const COMMON = new Set(dictionary['passwords-common'].filter((word) => word.length >= 8).map((word) => word.toLowerCase()));

/** Whether it is on the list of what people choose most, however it is capitalised. Nobody outside is asked. */
export function isCommonPassword(password: string): boolean {
  return COMMON.has(password.toLowerCase());
}
