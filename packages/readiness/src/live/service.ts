export type Reply = { status: number; headers: Headers; text: string; json: unknown; millis: number };

/** The audited service, over HTTP. */
export type LiveService = {
  baseUrl: string;
  /** Never throws for an answer; throws when there is none within the time. */
  get: (path: string, init?: RequestInit & { withinMillis?: number }) => Promise<Reply>;
};

const WITHIN_MILLIS = 5_000;

/**
 * The service at an address. Where metrics have a port of their own, `/metrics` is asked there. Redirects are answers like any
 * other: a health check that leads to a sign-in page is none.
 */
export function openLiveService(baseUrl: string, metricsUrl?: string): LiveService {
  const base = addressOf(baseUrl);
  const metrics = metricsUrl === undefined ? null : addressOf(metricsUrl);
  return {
    baseUrl: base,
    get: async (path, { withinMillis = WITHIN_MILLIS, ...init } = {}) => {
      const url = path === '/metrics' && metrics ? metricsAddress(metrics) : `${base}${path}`;
      const since = performance.now();
      try {
        const answer = await fetch(url, { redirect: 'manual', ...init, signal: AbortSignal.timeout(withinMillis) });
        const text = await answer.text();
        return { status: answer.status, headers: answer.headers, text, json: jsonOf(text), millis: performance.now() - since };
      } catch (error) {
        const isLate = error instanceof Error && error.name === 'TimeoutError';
        const why = isLate ? `no answer within ${withinMillis} ms` : causeOf(error);
        throw new Error(`GET ${url}: ${why}`, { cause: error });
      }
    },
  };
}

function addressOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new Error(`"${url}" is not an http(s) address of a service.`);
  return url.replace(/\/+$/, '');
}

/** Given as an address, or with the path that the metrics have. */
function metricsAddress(url: string): string {
  return new URL(url).pathname === '/' ? `${url}/metrics` : url;
}

/** Null for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code, message } = cause as { code?: string; message?: string };
  return code ?? message ?? 'unknown error';
}
