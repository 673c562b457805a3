// The cookie of a browser that is on its way to an identity provider, or back and without its second factor yet. As the session's it is
// of this host alone, over TLS, and seen by no script and by no other site's request.

const NAME = '__Host-sign-in';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
/** As long as a person may take at the provider. */
const SECONDS = 600;

/** The secret of an attempt, or who came back, sealed. */
export type Attempt = { kind: 'secret' | 'vouched'; value: string };

/** The value of Set-Cookie. */
export function attemptCookie({ kind, value }: Attempt): string {
  return `${NAME}=${kind}.${value}; Max-Age=${SECONDS}; ${ATTRIBUTES}`;
}

/** The value of Set-Cookie that takes it back. */
export const ENDED_ATTEMPT_COOKIE = `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;

export function readAttemptCookie(headers: Headers): Attempt | null {
  const found = /(?:^|;\s*)__Host-sign-in=(secret|vouched)\.([\w-]{1,3000})(?:;|$)/.exec(headers.get('cookie') ?? '');
  return found ? { kind: found[1] as Attempt['kind'], value: found[2] ?? '' } : null;
}
