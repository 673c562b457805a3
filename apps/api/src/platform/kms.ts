import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf, NO_ORGANIZATION, WrappingAway, WrongWrapping, type Wrapping } from '@medspa/database';
import { z } from 'zod';
import { fetchMachineToken } from './secrets.ts';

/** Where KMS is: Google's endpoints, or a local stand-in in tests. */
export type KmsSource = { kmsUrl: string; metadataUrl: string; limitMillis?: number };

export const GOOGLE_KMS: KmsSource = { kmsUrl: 'https://cloudkms.googleapis.com', metadataUrl: 'http://metadata.google.internal' };

/** Longest wait for one answer. */
const LIMIT_MILLIS = 3_000;
/** What is busy or away for a moment is asked so often, with growing pauses. */
const TRIES = 3;
/** Answers are a few hundred bytes. */
const MAX_ANSWER_BYTES = 16_384;
/** KMS changes the version that wraps by itself; older ones go on unwrapping. */
const ROTATION_SECONDS = 90 * 86_400;

const RESOURCE =
  /^projects\/[a-z][a-z0-9:.-]{4,60}\/locations\/[a-z0-9-]{1,40}\/keyRings\/[\w-]{1,63}\/cryptoKeys\/([\w-]|\{organization\}){1,63}$/;

/** True for the resource name of a key, in whose last part `{organization}` may stand. */
export function isKmsKey(name: string): boolean {
  return RESOURCE.test(name);
}

/** True for what a key of KMS wrapped. */
export function isOfKms(wrappedBy: string): boolean {
  return wrappedBy.startsWith('projects/');
}

const Base64 = z.base64();
const Encrypted = z.object({ name: z.string().max(400), ciphertext: Base64 });
const Decrypted = z.object({ plaintext: Base64 });

/**
 * Wraps with the first of these keys of Google Cloud KMS, over its REST API as the identity of the machine; all of them unwrap. Where
 * a name holds `{organization}`, each organization has a key of its own, made when it is needed first: destroying it makes the
 * organization's data unreadable in every backup as well.
 */
export function kmsWrapping(names: string[], source: KmsSource): Wrapping {
  const { kmsUrl, metadataUrl, limitMillis = LIMIT_MILLIS } = source;
  const [first = ''] = names;
  const keyOf = (name: string, organizationId: string) =>
    name.replace('{organization}', organizationId === NO_ORGANIZATION ? 'none' : organizationId);
  let token: Promise<{ token: string; until: number }> | null = null;

  async function authorization(): Promise<string> {
    if (token && (await token).until < Date.now()) token = null;
    token ??= fetchMachineToken(metadataUrl, limitMillis);
    try {
      return `Bearer ${(await token).token}`;
    } catch (error) {
      token = null;
      throw new WrappingAway('KMS needs a machine identity, and none is given here (Cloud Run, Compute Engine).', { cause: error });
    }
  }

  /** One answer of the API, in its schema; the status of a refusal that only the caller can judge. */
  async function ask<Schema extends z.ZodType>(path: string, body: object, schema: Schema): Promise<z.output<Schema> | number> {
    for (let tried = 1; ; tried++) {
      const answer = await send(path, body);
      if (answer.status === 200) {
        const parsed = schema.safeParse(jsonOf(answer.text));
        if (!parsed.success) throw new WrappingAway('KMS answered something that is no answer of it.');
        return parsed.data;
      }
      if (answer.status === 401) token = null;
      const isPassing = answer.status === 401 || answer.status === 429 || answer.status >= 500;
      if (!isPassing) return answer.status;
      if (tried === TRIES) throw new WrappingAway(`KMS does not serve now (${answer.status}).`);
      await sleep(100 * 2 ** tried * (0.5 + Math.random()));
    }
  }

  /** Silence, a broken connection and a redirect count as being away. */
  async function send(path: string, body: object): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`${kmsUrl}/v1/${path}`, {
        method: 'POST',
        headers: { authorization: await authorization(), 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(limitMillis),
      });
      return { status: response.status, text: await readAtMost(response, MAX_ANSWER_BYTES) };
    } catch (error) {
      if (error instanceof WrappingAway) throw error;
      throw new WrappingAway('KMS cannot be reached.', { cause: error });
    }
  }

  async function makeKey(key: string): Promise<void> {
    const [ring = '', id = ''] = key.split('/cryptoKeys/');
    const rotation = {
      rotationPeriod: `${ROTATION_SECONDS}s`,
      nextRotationTime: new Date(Date.now() + ROTATION_SECONDS * 1_000).toISOString(),
    };
    const made = await ask(
      `${ring}/cryptoKeys?cryptoKeyId=${id}`,
      { purpose: 'ENCRYPT_DECRYPT', ...rotation },
      z.object({ name: z.string() }),
    );
    // 409: another process has just made it.
    if (typeof made === 'number' && made !== 409) throw new WrongWrapping(`KMS does not make the key ${key} (${made}).`);
  }

  const unwrap: Wrapping['unwrap'] = async (place, { wrappedBy, wrapped }) => {
    const key = names.map((name) => keyOf(name, place.organizationId)).find((one) => wrappedBy.startsWith(`${one}/cryptoKeyVersions/`));
    if (!key) throw new WrongWrapping(`What wrapped keys of this database (${wrappedBy}) is not given.`);
    const body = { ciphertext: base64(wrapped), additionalAuthenticatedData: base64(addressOf(place)) };
    const answer = await ask(`${key}:decrypt`, body, Decrypted);
    // Another key, altered bytes, or a version that was destroyed.
    if (typeof answer === 'number') throw new WrongWrapping(`KMS does not unwrap with ${key} (${answer}).`);
    return Buffer.from(answer.plaintext, 'base64');
  };

  return {
    unwrap,
    async wrap(place, plain) {
      const key = keyOf(first, place.organizationId);
      const body = { plaintext: base64(plain), additionalAuthenticatedData: base64(addressOf(place)) };
      let answer = await ask(`${key}:encrypt`, body, Encrypted);
      if (answer === 404 && first.includes('{organization}')) {
        await makeKey(key);
        answer = await ask(`${key}:encrypt`, body, Encrypted);
      }
      if (typeof answer === 'number') throw new WrongWrapping(`KMS does not wrap with ${key} (${answer}).`);
      const wrapped = { wrappedBy: answer.name, wrapped: Buffer.from(answer.ciphertext, 'base64') };
      // A key that came back altered from a wire would be lost with everything that it seals.
      if (!(await unwrap(place, wrapped)).equals(plain)) throw new WrappingAway('KMS wrapped something else.');
      return wrapped;
    },
  };
}

async function readAtMost(response: Response, most: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > most) throw new Error('The answer is too long.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
