// The cookie of a signed-in browser. `__Host-` binds it to this host, whole and over TLS only; no script reads it, and no other
// site's page sends it along. Browsers other than Safari count http://localhost and http://127.0.0.1 as safe and keep it there too.

const NAME = '__Host-session';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** Whose rows the session is among, and the token that only the browser has. */
export type SessionCookie = { organizationId: string; token: string };

/** The value of Set-Cookie. It ends with the browser; the server ends it earlier. */
export function sessionCookie({ organizationId, token }: SessionCookie): string {
  return `${NAME}=${organizationId}.${token}; ${ATTRIBUTES}`;
}

/** The value of Set-Cookie that takes it back. */
export const ENDED_SESSION_COOKIE = `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;

/** Whether the request comes with a session, whatever it is worth. */
export function hasSessionCookie(headers: Headers): boolean {
  return valuesIn(headers).length > 0;
}

/** The session that the request says it has, or null. */
export function readSessionCookie(headers: Headers): SessionCookie | null {
  const values = valuesIn(headers);
  const [, organizationId, token] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{43})$/.exec(values[0] ?? '') ?? [];
  return values.length === 1 && organizationId && token ? { organizationId, token } : null;
}

function valuesIn(headers: Headers): string[] {
  return (headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`))
    .map((pair) => pair.slice(NAME.length + 1));
}
