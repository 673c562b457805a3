import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A bucket as S3 keeps one, for tests: it verifies every signature and every hash, and fails where it is told to.

export const SIGN_IN = { region: 'us-east-1', bucket: 'clinic-files', accessKeyId: 'AKTEST', secretAccessKey: 'test-secret-of-the-bucket' };
const FIFTEEN_MINUTES = 900_000;

export type Bucket = {
  endpoint: string;
  objects: Map<string, Buffer>;
  /** What was asked, as `METHOD status`. */
  asked: string[];
  /** How the next requests fail, one after the other. `lose`: a PUT is acknowledged and something else is kept. */
  faults: ('unavailable' | 'cut' | 'lose')[];
  close: () => Promise<void>;
};

export async function startBucket(): Promise<Bucket> {
  const objects = new Map<string, Buffer>();
  const [asked, faults]: [string[], Bucket['faults']] = [[], []];
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const say = (status: number, code = '', content: Buffer | string = code && `<Error><Code>${code}</Code></Error>`, headers = {}) => {
      asked.push(`${request.method} ${status}`);
      response.writeHead(status, headers).end(content);
    };
    const fault = faults.shift();
    if (fault === 'unavailable') return say(503, 'SlowDown');
    if (fault === 'cut') {
      asked.push(`${request.method} cut`);
      response.destroy();
      return;
    }
    const refusal = refusalOf(request, body);
    if (refusal) return say(403, refusal);
    const [, bucket, ...rest] = new URL(request.url ?? '/', 'http://bucket').pathname.split('/');
    if (bucket !== SIGN_IN.bucket) return say(404, 'NoSuchBucket');
    const key = rest.join('/');
    if (request.method === 'PUT') {
      if (request.headers['content-length'] === undefined) return say(411, 'MissingContentLength');
      objects.set(key, fault === 'lose' ? body.subarray(0, -1) : body);
      return say(200, '', '', { etag: `"${createHash('md5').update(body).digest('hex')}"` });
    }
    if (request.method === 'DELETE') {
      objects.delete(key);
      return say(204);
    }
    const found = objects.get(key);
    if (!found) return say(404, 'NoSuchKey');
    const last = /^bytes=0-(\d+)$/.exec(request.headers.range ?? '')?.[1];
    return last === undefined ? say(200, '', found) : say(206, '', found.subarray(0, Number(last) + 1));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    asked,
    faults,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Signature version 4, from the specification and not from the library that the product signs with. Null when all is well. */
function refusalOf(request: IncomingMessage, body: Buffer): string | null {
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!parts) return 'AccessDenied';
  const [, keyId = '', day = '', region = '', names = '', signature = ''] = parts;
  if (keyId !== SIGN_IN.accessKeyId) return 'InvalidAccessKeyId';
  if (region !== SIGN_IN.region) return 'AuthorizationHeaderMalformed';
  const at = String(request.headers['x-amz-date']);
  const instant = Date.parse(at.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  if (!(Math.abs(Date.now() - instant) < FIFTEEN_MINUTES)) return 'RequestTimeTooSkewed';
  const hash = String(request.headers['x-amz-content-sha256']);
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  if (request.method === 'PUT' && (hash === 'UNSIGNED-PAYLOAD' || !names.split(';').includes('x-amz-content-sha256')))
    return 'AccessDenied';
  const url = new URL(request.url ?? '/', 'http://bucket');
  const headers = names.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, url.pathname, url.search.slice(1), headers.join(''), names, hash].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
    (from, part) => hmac(from, part),
    Buffer.from(`AWS4${SIGN_IN.secretAccessKey}`),
  );
  const expected = hmac(key, ['AWS4-HMAC-SHA256', at, scope, sha256(Buffer.from(canonical))].join('\n'));
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch';
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
