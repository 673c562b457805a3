import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import type { Place } from './store.ts';

/**
 * A bucket that speaks S3: Amazon's, or Google Cloud Storage with an HMAC key (endpoint https://storage.googleapis.com, region `auto`).
 */
export type S3Settings = { endpoint: string; region: string; bucket: string; accessKeyId: string; secretAccessKey: string };

const TRIES = 4;
const FIRST_WAIT_MILLIS = 100;
const PATIENCE_MILLIS = 60_000;

/** Thrown when the bucket refuses or stays away; the message has the status and S3's code for it, never a key or an address. */
class BucketError extends Error {
  override readonly name = 'BucketError';
}

export function s3Place(settings: S3Settings): Place {
  const { accessKeyId, secretAccessKey, region } = settings;
  // Tries are counted here, where a body can be made anew for each.
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3', retries: 0 });
  const address = (key: string): string => `${settings.endpoint}/${settings.bucket}/${key}`;

  async function ask(key: string, wanted: { method: string; headers?: Record<string, string>; file?: string }): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const { file, ...init } = wanted;
      const signed = await client.sign(address(key), init);
      // The body is no part of what is signed; its hash is, in the header. A file's length is known, so nothing is sent in pieces.
      const body = file === undefined ? null : await openAsBlob(file);
      const said = await fetch(signed.url, {
        method: signed.method,
        headers: signed.headers,
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(PATIENCE_MILLIS),
      }).catch((error: Error) => error);
      if (said instanceof Response && (said.ok || said.status === 404)) return said;
      const isPassing = said instanceof Error || said.status >= 500 || said.status === 429;
      if (!isPassing || attempt === TRIES) throw await problemOf(said);
      if (said instanceof Response) await said.body?.cancel();
      await sleep(FIRST_WAIT_MILLIS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }

  return {
    async write(key, file) {
      const headers = { 'content-type': 'application/octet-stream', 'x-amz-content-sha256': file.sha256 };
      const said = await ask(key, { method: 'PUT', headers, file: file.path });
      await said.body?.cancel();
      if (!said.ok) throw new BucketError('The bucket is not there (404).');
    },
    async read(key, firstBytes) {
      const headers: Record<string, string> = firstBytes === undefined ? {} : { range: `bytes=0-${firstBytes - 1}` };
      const said = await ask(key, { method: 'GET', headers });
      if (said.ok && said.body) return said.body;
      // A bucket that is not there says 404 as well, and must not look like a file that is gone.
      const text = await said.text();
      if (!text.includes('<Code>NoSuchKey</Code>')) throw new BucketError(`The bucket answered 404${codeIn(text)}.`);
      return null;
    },
    async remove(key) {
      const said = await ask(key, { method: 'DELETE' });
      await said.body?.cancel();
    },
  };
}

async function problemOf(said: Response | Error): Promise<BucketError> {
  if (said instanceof Error) return new BucketError(`The bucket cannot be reached (${said.name}).`);
  return new BucketError(`The bucket answered ${said.status}${codeIn(await said.text())}.`);
}

function codeIn(text: string): string {
  const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
  return code ? ` (${code})` : '';
}
