// What SARIF 2.1.0 asks of the objects that we write: required properties, no others, and their kinds.
import { Ajv } from 'ajv';
import { expect } from 'vitest';

const object = (required: string[], properties: Record<string, unknown>) => ({
  type: 'object',
  required,
  properties,
  additionalProperties: false,
});
const list = (items: unknown) => ({ type: 'array', items });
const text = { type: 'string' };
const index = { type: 'integer', minimum: 0 };
const bag = { type: 'object' };
const level = { enum: ['none', 'note', 'warning', 'error'] };
const message = object(['text'], { text, markdown: text });

const region = object([], { startLine: { type: 'integer', minimum: 1 }, snippet: object([], { text }) });
const place = object(['artifactLocation'], {
  artifactLocation: object([], { uri: { type: 'string', pattern: '^[^\\s\\\\\\[\\]]+$' }, uriBaseId: text }),
  region,
});
const rule = object(['id'], {
  id: text,
  name: text,
  shortDescription: message,
  fullDescription: message,
  help: message,
  helpUri: { type: 'string', pattern: '^https://' },
  defaultConfiguration: object([], { level }),
  properties: bag,
});
const result = object(['message'], {
  ruleId: text,
  ruleIndex: index,
  kind: { enum: ['notApplicable', 'pass', 'fail', 'review', 'open', 'informational'] },
  level,
  message,
  locations: { ...list(object([], { physicalLocation: place })), minItems: 1 },
  partialFingerprints: { type: 'object', additionalProperties: text },
  suppressions: list(
    object(['kind'], {
      kind: { enum: ['inSource', 'external'] },
      status: { enum: ['accepted', 'underReview', 'rejected'] },
      justification: text,
    }),
  ),
});
const notification = object(['message'], { message, level, associatedRule: object(['id'], { id: text }) });
const run = object(['tool'], {
  tool: object(['driver'], { driver: object(['name'], { name: text, semanticVersion: text, rules: list(rule) }) }),
  columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
  invocations: list(
    object(['executionSuccessful'], { executionSuccessful: { type: 'boolean' }, toolExecutionNotifications: list(notification) }),
  ),
  results: list(result),
  properties: bag,
});
const log = object(['version', 'runs'], { $schema: text, version: { const: '2.1.0' }, runs: list(run) });

const validate = new Ajv({ allErrors: true }).compile(log);

type Log = {
  runs: {
    tool: { driver: { rules: { id: string }[] } };
    results: { ruleId: string; ruleIndex: number; kind: string; level: string; suppressions?: unknown }[];
  }[];
};

/** Also what no schema says: rules are named once, indexes point at their rule, and only failures have a level. */
export function expectSarif(json: Log): void {
  expect(validate(json), JSON.stringify(validate.errors)).toBe(true);
  for (const { tool, results } of json.runs) {
    const ids = tool.driver.rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const one of results) {
      expect(ids[one.ruleIndex]).toBe(one.ruleId);
      expect(one.kind === 'fail' || one.level === 'none').toBe(true);
      expect(one.suppressions).toBeDefined();
    }
  }
}
