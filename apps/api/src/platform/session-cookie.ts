// The cookies of signed-in browsers, one of staff and one of patients: neither is worth anything in the other's place. `__Host-` binds
// them to this host, whole and over TLS only, and no script reads them. Browsers other than Safari count http://localhost and
// http://127.0.0.1 as safe and keep them there too.

const COOKIES = {
  /** No other site's page sends it along. */
  staff: { name: '__Host-session', attributes: 'Path=/; Secure; HttpOnly; SameSite=Strict' },
  /** Comes along when somebody follows a link of a message. */
  patient: { name: '__Host-patient-session', attributes: 'Path=/; Secure; HttpOnly; SameSite=Lax' },
} as const;
type Whose = keyof typeof COOKIES;

/** Whose rows the session is among, and the token that only the browser has. */
export type SessionCookie = { organizationId: string; token: string };

/** The value of Set-Cookie. It ends with the browser; the server ends it earlier. */
export function sessionCookie({ organizationId, token }: SessionCookie, whose: Whose = 'staff'): string {
  const { name, attributes } = COOKIES[whose];
  return `${name}=${organizationId}.${token}; ${attributes}`;
}

/** The value of Set-Cookie that takes it back. */
export function endedSessionCookie(whose: Whose = 'staff'): string {
  const { name, attributes } = COOKIES[whose];
  return `${name}=; Max-Age=0; ${attributes}`;
}

/** Whether the request comes with a session of anybody, whatever it is worth. */
export function hasSessionCookie(headers: Headers): boolean {
  return Object.values(COOKIES).some(({ name }) => valuesIn(headers, name).length > 0);
}

/** The session that the request says it has, or null. */
export function readSessionCookie(headers: Headers, whose: Whose = 'staff'): SessionCookie | null {
  const values = valuesIn(headers, COOKIES[whose].name);
  const [, organizationId, token] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{43})$/.exec(values[0] ?? '') ?? [];
  return values.length === 1 && organizationId && token ? { organizationId, token } : null;
}

function valuesIn(headers: Headers, name: string): string[] {
  return (headers.get('cookie') ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}
