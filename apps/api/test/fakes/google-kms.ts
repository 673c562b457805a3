import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { KmsSource } from '../../src/platform/kms.ts';
import { listen } from '../../src/platform/server.ts';

/** What goes wrong with the next requests, in their order; null is nothing. */
export type KmsFault = 'busy' | 'unavailable' | 'silence' | 'nonsense' | 'too long' | 'redirect' | null;

type Key = { versions: Buffer[]; destroyed: Set<number> };

/**
 * Google's metadata server and Cloud KMS on a local port, as far as wrapping goes: keys that are made, encrypt and decrypt with
 * authenticated data, versions of which the last encrypts. Statuses and shapes are Google's; a name, a key or data that does not fit
 * is refused like there.
 */
export async function startGoogleKms(keys: string[]) {
  const made = new Map<string, Key>(keys.map((name) => [name, aKey()]));
  const faults: KmsFault[] = [];
  const asked: string[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const path = decodeURI(request.url ?? '');
    if (path.startsWith('/computeMetadata/')) return void send(200, { access_token: TOKEN, expires_in: 3_599, token_type: 'Bearer' });
    const body = await readBody(request);
    asked.push(path);
    bodies.push(body);
    const fault = faults.shift() ?? null;
    if (fault === 'silence') return;
    if (fault === 'redirect') return void response.writeHead(302, { location: path }).end();
    if (fault === 'nonsense') return void send(200, { name: 7, plaintext: '*', ciphertext: '*' });
    if (fault === 'too long') return void send(200, { ciphertext: 'A'.repeat(1_000_000) });
    if (fault) return void send(...refusal(fault === 'busy' ? 429 : 503, fault === 'busy' ? 'RESOURCE_EXHAUSTED' : 'UNAVAILABLE'));
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void send(...refusal(401, 'UNAUTHENTICATED'));
    send(...answer(made, path, JSON.parse(body) as Body));
  }

  const url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
  return {
    source: { kmsUrl: url, metadataUrl: url, limitMillis: 2_000 } satisfies KmsSource,
    faults,
    asked,
    bodies,
    names: () => [...made.keys()],
    /** A new version, which encrypts from now on. */
    rotate: (name: string) => made.get(name)?.versions.push(randomBytes(32)),
    /** Every version there is so far, for good. */
    destroy: (name: string) => made.get(name)?.versions.forEach((_, index) => made.get(name)?.destroyed.add(index)),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const TOKEN = 'ya29.a-token-of-the-stand-in';

type Body = { plaintext?: string; ciphertext?: string; additionalAuthenticatedData?: string; purpose?: string };

const aKey = (): Key => ({ versions: [randomBytes(32)], destroyed: new Set() });

function refusal(code: number, status: string): [number, object] {
  return [code, { error: { code, message: 'refused', status } }];
}

function answer(keys: Map<string, Key>, path: string, body: Body): [number, object] {
  const [, ring, id] = /^\/v1\/(.+\/keyRings\/[^/]+)\/cryptoKeys\?cryptoKeyId=([\w-]+)$/.exec(path) ?? [];
  if (ring && id) {
    const name = `${ring}/cryptoKeys/${id}`;
    if (body.purpose !== 'ENCRYPT_DECRYPT') return refusal(400, 'INVALID_ARGUMENT');
    if (keys.has(name)) return refusal(409, 'ALREADY_EXISTS');
    keys.set(name, aKey());
    return [200, { name, purpose: body.purpose }];
  }
  const [, name = '', verb] = /^\/v1\/(.+):(encrypt|decrypt)$/.exec(path) ?? [];
  const key = keys.get(name);
  if (!verb || !key) return refusal(404, 'NOT_FOUND');
  const aad = Buffer.from(body.additionalAuthenticatedData ?? '', 'base64');
  if (verb === 'encrypt') {
    const version = key.versions.length - 1;
    if (key.destroyed.has(version)) return refusal(400, 'FAILED_PRECONDITION');
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key.versions[version] as Buffer, iv).setAAD(aad);
    const sealed = Buffer.concat([
      Buffer.of(version),
      iv,
      cipher.update(body.plaintext ?? '', 'base64'),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return [200, { name: `${name}/cryptoKeyVersions/${version + 1}`, ciphertext: sealed.toString('base64'), protectionLevel: 'SOFTWARE' }];
  }
  const sealed = Buffer.from(body.ciphertext ?? '', 'base64');
  const version = sealed[0] ?? 0;
  if (key.destroyed.has(version)) return refusal(400, 'FAILED_PRECONDITION');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.versions[version] as Buffer, sealed.subarray(1, 13)).setAAD(aad);
    decipher.setAuthTag(sealed.subarray(-16));
    const plain = Buffer.concat([decipher.update(sealed.subarray(13, -16)), decipher.final()]);
    return [200, { plaintext: plain.toString('base64'), usedPrimary: version === key.versions.length - 1, protectionLevel: 'SOFTWARE' }];
  } catch {
    return refusal(400, 'INVALID_ARGUMENT');
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request) body += part;
  return body;
}
