import type { FieldPermission, Permission, ProblemSlug } from '@medspa/contracts';

// What the page reads of an OpenAPI 3.1 document, as zod-openapi writes it.

type Scalar = string | number | boolean | null;

export type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: Scalar[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  default?: Scalar | Scalar[];
  examples?: unknown[];
  /** Whoever lacks it neither gets the field nor may send it. */
  'x-permission'?: FieldPermission;
};

export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema };

type Content = Record<string, { schema: Schema }>;

type Operation = {
  summary: string;
  description?: string;
  tags: string[];
  'x-permission': Permission;
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content; 'x-problems'?: ProblemSlug[] }>;
};

export type OpenApi = {
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** An operation with its address and its place on the page. */
export type Call = Operation & { method: string; path: string; anchor: string };

/** Every operation, in the order in which the modules mount them. */
export function callsOf(document: OpenApi): Call[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ ...operation, method, path, anchor: anchorOf(method, path) })),
  );
}

function anchorOf(method: string, path: string): string {
  const words = path.split(/[/{}]+/).filter((word) => word !== '' && word !== 'v1');
  return [method, ...words].join('-');
}

/** The body that a call takes, or undefined. */
export function bodyOf(call: Call): Schema | undefined {
  return call.requestBody?.content['application/json']?.schema;
}

/** What a call answers when all is well. */
export function successOf(call: Call): { status: string; description: string; schema: Schema | undefined } {
  const [status = '', reply] = Object.entries(call.responses).find(([code]) => code.startsWith('2')) ?? [];
  return { status, description: reply?.description ?? '', schema: reply?.content?.['application/json']?.schema };
}

/** Ways in which a call may be refused, by status. */
export function problemsOf(call: Call): ProblemSlug[] {
  return Object.values(call.responses).flatMap((response) => response['x-problems'] ?? []);
}

/** The object that a schema is or lists, by name. */
export function objectOf(schema: Schema | undefined): string | undefined {
  return (
    schema?.$ref?.split('/').at(-1) ??
    (schema?.items && objectOf(schema.items)) ??
    (schema?.properties?.['items'] && objectOf(schema.properties['items']))
  );
}
