import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { SecretSource } from '../../src/platform/secrets.ts';
import { listen } from '../../src/platform/server.ts';

/** What the stand-in keeps: versions of each secret from 1 on, and those that the identity may not read. */
export type StoredSecrets = {
  project: string;
  secrets: Record<string, string[]>;
  forbidden?: string[];
  hasIdentity?: boolean;
  isSilent?: boolean;
};

/**
 * Google's metadata server and Secret Manager on a local port, as far as reading a secret goes: a token for whoever sends
 * Metadata-Flavor, and versions for whoever shows that token. Errors have Google's codes and shape.
 */
export async function startGoogleSecrets(stored: StoredSecrets): Promise<{ source: SecretSource; asked: string[]; close: () => void }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (!stored.isSilent) answer(stored, request, response);
  });
  const url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
  return {
    source: { secretManagerUrl: url, metadataUrl: url },
    asked,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const TOKEN = 'ya29.a-token-of-the-stand-in';

function answer(
  { project, secrets, forbidden = [], hasIdentity = true }: StoredSecrets,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const send = (status: number, body: object, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  const refuse = (code: number, status: string) => send(code, { error: { code, message: 'refused', status } });

  if (request.method === 'GET' && request.url === '/computeMetadata/v1/instance/service-accounts/default/token') {
    if (request.headers['metadata-flavor'] !== 'Google') return void refuse(403, 'PERMISSION_DENIED');
    if (!hasIdentity) return void refuse(404, 'NOT_FOUND');
    return void send(200, { access_token: TOKEN, expires_in: 3_599, token_type: 'Bearer' }, { 'metadata-flavor': 'Google' });
  }
  const access = /^\/v1\/projects\/([^/]+)\/secrets\/([^/]+)\/versions\/(latest|\d+):access$/.exec(request.url ?? '');
  if (request.method !== 'GET' || !access) return void refuse(404, 'NOT_FOUND');
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return void refuse(401, 'UNAUTHENTICATED');
  const [, owner, name = '', version = ''] = access;
  if (owner !== project || forbidden.includes(name)) return void refuse(403, 'PERMISSION_DENIED');
  const versions = secrets[name] ?? [];
  const number = version === 'latest' ? versions.length : Number(version);
  const value = versions[number - 1];
  if (value === undefined) return void refuse(404, 'NOT_FOUND');
  send(200, { name: `projects/1/secrets/${name}/versions/${number}`, payload: { data: Buffer.from(value).toString('base64') } });
}
