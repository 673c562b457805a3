import type { FindActor } from '../../../platform/edge.ts';
import { hasCookie } from '../../../platform/session-cookie.ts';
import { findKey } from './api-keys.ts';
import { findDevice } from './devices.ts';
import { findSignedIn, type SignInParts } from './session.ts';

/**
 * Says who sends a request, by what it carries: a key and nothing else, else the session of a person, else the device that it comes
 * from. A key beside a cookie is nobody's: a program has no cookies, and what a browser was made to send must not mix with them.
 */
export function findActor(parts: SignInParts, rules: { needsSecondFactor: boolean }): FindActor {
  const [byKey, bySession, byDevice] = [findKey(parts), findSignedIn(parts, rules), findDevice(parts)];
  return async (headers, operation) => {
    if (headers.has('authorization')) return hasCookie(headers) ? null : byKey(headers, operation);
    return (await bySession(headers, operation)) ?? (await byDevice(headers, operation));
  };
}
