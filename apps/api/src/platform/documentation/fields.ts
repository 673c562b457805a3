import { html, prose, type Html } from './html.ts';
import type { Parameter, Schema } from './openapi.ts';

/** A request must have a field or may have it; an answer has it or may lack it. The rarer of the two is said. */
type Direction = 'request' | 'answer';

/** The fields of an object, one line each and nested objects within; nothing for a schema without fields. */
export function fieldList(schema: Schema, direction: Direction): Html | null {
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return null;
  return html`<ul class="fields">
    ${fields.map(([name, field]) => fieldItem(name, field, schema.required?.includes(name) ?? false, direction))}
  </ul> `;
}

/** Parameters of an address or of the headers. */
export function parameterList(parameters: Parameter[]): Html {
  return html`<ul class="fields">
    ${parameters.map(({ name, schema, required }) => fieldItem(name, schema, required ?? false, 'request'))}
  </ul> `;
}

function fieldItem(name: string, schema: Schema, isRequired: boolean, direction: Direction): Html {
  const limits = direction === 'request' ? limitsOf(schema) : choicesOf(schema);
  const said = schema.description && html`<p>${prose(sentence(schema.description))}</p> `;
  const kept = limits.length > 0 && html`<p class="limits">${limits.map((limit, index) => [index > 0 && '; ', limit])}</p> `;
  return html`<li>
    <p class="field">
      <code class="name">${name}</code> <span class="type">${typeOf(schema)}</span>${presence(schema, isRequired, direction)}
    </p>
    ${said}${kept}${fieldList(schema.items ?? schema, direction)}
  </li> `;
}

function presence({ 'x-permission': permission }: Schema, isRequired: boolean, direction: Direction): Html {
  const required = direction === 'request' && isRequired && html` <span class="required">required</span>`;
  const held = permission && html` <span class="type">only with <code>${permission}</code></span>`;
  const rare = direction === 'answer' && !isRequired && !permission && html` <span class="type">not always</span>`;
  return html`${required}${held}${rare}`;
}

/** In words, with a link where it is an object of its own. */
function typeOf(schema: Schema): Html {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return html`<a href="#object-${name}">${name}</a>`;
  }
  if (schema.items) return html`list of ${schema.items.properties ? 'objects' : typeOf(schema.items)}`;
  const types = [schema.type ?? (schema.anyOf?.some(({ enum: values }) => values) ? 'number' : 'string')].flat();
  const main = types.find((type) => type !== 'null');
  return html`${wordOf(schema.format) ?? main}${types.includes('null') && ' or null'}`;
}

function wordOf(format: string | undefined): string | undefined {
  return format === undefined ? undefined : { uuid: 'id', 'date-time': 'instant', date: 'date', email: 'e-mail address' }[format];
}

function choicesOf(schema: Schema): Html[] {
  const choices = (schema.enum ?? schema.anyOf?.flatMap((choice) => choice.enum ?? []) ?? []).filter((choice) => choice !== null);
  return choices.length === 0
    ? []
    : [html`one of ${choices.map((choice, index) => [index > 0 && ', ', html`<code>${String(choice)}</code>`])}`];
}

/** What a value must keep to, in words. */
function limitsOf(schema: Schema): Html[] {
  const { minLength, maxLength, minItems, maxItems, exclusiveMinimum, maximum, multipleOf, pattern } = schema;
  const minimum = schema.minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + 1);
  const ranges = [
    ...rangeOf(minLength, maxLength, 'characters'),
    ...rangeOf(minItems, maxItems, 'entries'),
    ...rangeOf(minimum, maximum, ''),
  ];
  return [
    ...choicesOf(schema),
    ...ranges.map((range) => html`${range}`),
    ...(multipleOf === undefined ? [] : [html`a multiple of ${multipleOf}`]),
    ...(pattern === undefined ? [] : [html`matches <code>${pattern}</code>`]),
    ...(schema.default === undefined || Array.isArray(schema.default) ? [] : [html`<code>${String(schema.default)}</code> unless told`]),
  ];
}

/** The ends of a column's or a number's own range say nothing to a reader. */
const UNLIMITED = new Set([2_147_483_647, Number.MAX_SAFE_INTEGER]);

function rangeOf(min: number | undefined, max: number | undefined, unit: string): string[] {
  const most = max === undefined || UNLIMITED.has(max) ? undefined : max.toLocaleString('en-US');
  const after = unit === '' ? '' : ` ${unit}`;
  if (min !== undefined && most !== undefined) return [`${min} to ${most}${after}`];
  if (most !== undefined) return [`at most ${most}${after}`];
  return min === undefined ? [] : [`at least ${min}${after}`];
}

/** Descriptions in the schemas are clauses; on the page they begin and end as sentences do. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
