// The cookies of a signed-in browser and of an enrolled device. `__Host-` binds them to this host, whole and over TLS only; no script
// reads them, and no other site's page sends them along. Browsers other than Safari count http://localhost and http://127.0.0.1 as
// safe and keep them there too.

const SESSION = '__Host-session';
const DEVICE = '__Host-device';
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
/** As long as browsers keep any cookie: 400 days. Who enrolled the device ends it earlier. */
const DEVICE_SECONDS = 400 * 86_400;

/** Whose rows the session is among, and the token that only the browser has. */
export type SessionCookie = { organizationId: string; token: string };
/** Whose the device is, and the key that only it has. */
export type DeviceCookie = SessionCookie;

/** The value of Set-Cookie. It ends with the browser; the server ends it earlier. */
export function sessionCookie({ organizationId, token }: SessionCookie): string {
  return `${SESSION}=${organizationId}.${token}; ${ATTRIBUTES}`;
}

/** The value of Set-Cookie that takes it back. */
export const ENDED_SESSION_COOKIE = `${SESSION}=; Max-Age=0; ${ATTRIBUTES}`;

/** The value of Set-Cookie for a device. */
export function deviceCookie({ organizationId, token }: DeviceCookie): string {
  return `${DEVICE}=${organizationId}.${token}; Max-Age=${DEVICE_SECONDS}; ${ATTRIBUTES}`;
}

/** Whether the request comes with a session or from a device, whatever that is worth. */
export function hasCookie(headers: Headers): boolean {
  return [SESSION, DEVICE].some((name) => valuesIn(headers, name).length > 0);
}

/** The session that the request says it has, or null. */
export function readSessionCookie(headers: Headers): SessionCookie | null {
  return read(headers, SESSION);
}

/** The device that the request says it comes from, or null. */
export function readDeviceCookie(headers: Headers): DeviceCookie | null {
  return read(headers, DEVICE);
}

function read(headers: Headers, name: string): SessionCookie | null {
  const values = valuesIn(headers, name);
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
