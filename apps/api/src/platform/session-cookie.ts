// The cookies of a signed-in browser, of staff or of a patient, and of an enrolled device: none is worth anything in another's place.
// `__Host-` binds them to this host, whole and over TLS only, and no script reads them. Browsers other than Safari count
// http://localhost and http://127.0.0.1 as safe and keep them there too.

const ATTRIBUTES = 'Path=/; Secure; HttpOnly';
const COOKIES = {
  /** No other site's page sends it along. */
  staff: { name: '__Host-session', attributes: `${ATTRIBUTES}; SameSite=Strict` },
  /** Comes along when somebody follows a link of a message. */
  patient: { name: '__Host-patient-session', attributes: `${ATTRIBUTES}; SameSite=Lax` },
  device: { name: '__Host-device', attributes: `${ATTRIBUTES}; SameSite=Strict` },
} as const;
type Whose = 'staff' | 'patient';
/** As long as browsers keep any cookie: 400 days. Who enrolled the device ends it earlier. */
const DEVICE_SECONDS = 400 * 86_400;

/** Whose rows the session is among, and the token that only the browser has. */
export type SessionCookie = { organizationId: string; token: string };
/** Whose the device is, and the key that only it has. */
export type DeviceCookie = SessionCookie;

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

/** The value of Set-Cookie for a device. */
export function deviceCookie({ organizationId, token }: DeviceCookie): string {
  const { name, attributes } = COOKIES.device;
  return `${name}=${organizationId}.${token}; Max-Age=${DEVICE_SECONDS}; ${attributes}`;
}

/** Whether the request comes with a session of anybody or from a device, whatever that is worth. */
export function hasCookie(headers: Headers): boolean {
  return Object.values(COOKIES).some(({ name }) => valuesIn(headers, name).length > 0);
}

/** The session that the request says it has, or null. */
export function readSessionCookie(headers: Headers, whose: Whose = 'staff'): SessionCookie | null {
  return read(headers, COOKIES[whose].name);
}

/** The device that the request says it comes from, or null. */
export function readDeviceCookie(headers: Headers): DeviceCookie | null {
  return read(headers, COOKIES.device.name);
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
