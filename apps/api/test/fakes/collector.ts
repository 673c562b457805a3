import { createServer } from 'node:http';
import { listen } from '../../src/platform/server.ts';

/** A span as OTLP's JSON has it; ids in hex, attributes as an object. */
export type ReceivedSpan = {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  status: object;
  attributes: Record<string, unknown>;
};

type OtlpSpan = Omit<ReceivedSpan, 'attributes'> & { attributes: { key: string; value: Record<string, unknown> }[] };
type Otlp = { resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[] };

/** An OpenTelemetry collector on a local port that keeps what it is sent (OTLP over HTTP, JSON). */
export async function startCollector(): Promise<{ endpoint: string; spans: ReceivedSpan[]; raw: string[]; close: () => void }> {
  const spans: ReceivedSpan[] = [];
  const raw: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      raw.push(text);
      if (request.url === '/v1/traces') spans.push(...spansOf(JSON.parse(text) as Otlp));
      response.writeHead(request.url === '/v1/traces' ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
    });
  });
  return {
    endpoint: `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`,
    spans,
    raw,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function spansOf({ resourceSpans }: Otlp): ReceivedSpan[] {
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .map((span) => ({ ...span, attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]])) }));
}
