import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { PrismaInstrumentation } from '@prisma/instrumentation';

/**
 * Sends spans to an OpenTelemetry collector (OTLP over HTTP): requests, verbs, and Prisma's own, whose statements carry no
 * parameters. Loaded only when it is configured, since it is off by default.
 */
export function startTracing({ endpoint }: { endpoint: string }): { stop: () => Promise<void> } {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'medspa-api' }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))],
  });
  provider.register();
  const prisma = new PrismaInstrumentation();
  prisma.setTracerProvider(provider);
  prisma.enable();
  return {
    stop: async () => {
      prisma.disable();
      await provider.shutdown();
    },
  };
}
