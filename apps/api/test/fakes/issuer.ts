import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

type Key = { kid: string; privateKey: CryptoKey; publicJwk: JWK };

/** An identity provider on this machine: keys, discovery, and a token endpoint that hands out what a test has prepared. */
export type Issuer = {
  url: string;
  keysUrl: string;
  /** What it publishes; a test rotates them. */
  keys: Key[];
  /** Signs with the first key unless told. */
  sign: (claims: Record<string, unknown>, options?: { key?: Key; kid?: string; alg?: string }) => Promise<string>;
  newKey: (kid: string) => Promise<Key>;
  /** The ID token for a code, made when the code is redeemed. A code works once. */
  codes: Map<string, { challenge: string; idToken: () => Promise<string> }>;
  /** Requests by path. */
  asked: Record<string, number>;
  /** Answers in the place of the real ones, by path. */
  instead: Map<string, (answer: ServerResponse) => void>;
  stop: () => Promise<void>;
};

export async function startIssuer(client = { id: 'medspa', secret: 'a secret of the client' }): Promise<Issuer> {
  const newKey = async (kid: string): Promise<Key> => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    return { kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
  };
  const keys = [await newKey('first')];
  const asked: Record<string, number> = {};
  const instead: Issuer['instead'] = new Map();
  const codes: Issuer['codes'] = new Map();
  let url = '';

  const server = createServer((request, answer) => void serve(request, answer));
  async function serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    asked[path] = (asked[path] ?? 0) + 1;
    const other = instead.get(path);
    if (other) return other(answer);
    const say = (document: object, status = 200) =>
      answer
        .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600' })
        .end(JSON.stringify(document));
    if (path === '/keys') return void say({ keys: keys.map(({ publicJwk }) => publicJwk) });
    if (path === '/.well-known/openid-configuration')
      return void say({ issuer: url, authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token`, jwks_uri: `${url}/keys` });
    if (path !== '/token') return void say({}, 404);
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString('utf8'));
    const basic = `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString('base64')}`;
    const prepared = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (request.headers.authorization !== basic || prepared?.challenge !== challenge) return void say({ error: 'invalid_grant' }, 400);
    say({ token_type: 'Bearer', access_token: 'unused', id_token: await prepared.idToken() });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    keysUrl: `${url}/keys`,
    keys,
    newKey,
    codes,
    asked,
    instead,
    sign: async (claims, { key = keys[0], kid, alg = 'RS256' } = {}) => {
      if (!key) throw new Error('The issuer has no key.');
      return new SignJWT(claims).setProtectedHeader({ alg, kid: kid ?? key.kid }).sign(key.privateKey);
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
