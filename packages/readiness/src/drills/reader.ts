/** Reads one JSON object field by field, collecting what is wrong with it by the field's full name. */
export type Reader = {
  value: unknown;
  /** Of this object and all inside it. */
  problems: string[];
  /** What `${NAME}` stood for. */
  secrets: string[];
  complain: (name: string, wanted: string) => void;
  has: (name: string) => boolean;
  /** A text. Without `otherwise` it must be there; an empty one stands in where it is not, so that reading goes on. */
  text: <Otherwise extends string | null = string>(name: string, otherwise?: Otherwise) => string | Otherwise;
  number: <Otherwise extends number | null>(name: string, otherwise: Otherwise, least: number, most: number) => number | Otherwise;
  texts: (name: string) => string[];
  textsByName: (name: string) => Record<string, string>;
  any: (name: string) => unknown;
  inside: (name: string) => Reader;
  items: (name: string) => Reader[];
  /** An object whose values are lists. */
  byName: <Item>(name: string, read: (items: Reader[]) => Item[]) => Record<string, Item[]>;
  /** Complains about every field that nobody asked for: a misspelt one would be left out in silence. */
  refuseOthers: () => void;
};

type Shared = Pick<Reader, 'problems' | 'secrets'> & { environment: Record<string, string | undefined> };

/** A reader of `value`, which is called `at` in complaints. */
export function readerOf(value: unknown, at: string, environment: Record<string, string | undefined>): Reader {
  return reading(value, at, { problems: [], secrets: [], environment });
}

function reading(given: unknown, at: string, shared: Shared): Reader {
  const { problems, secrets } = shared;
  const value = typeof given === 'string' ? filled(given, at, shared) : given;
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
  const fields = isObject ? (value as Record<string, unknown>) : {};
  if (!isObject && typeof value !== 'string') problems.push(`${at}: must be an object`);
  const asked = new Set<string>();
  const complain = (name: string, wanted: string) => void problems.push(`${at}.${name}: ${wanted}`);
  const get = (name: string) => {
    asked.add(name);
    return fields[name];
  };
  const inside = (name: string) => {
    const field = get(name);
    if (field === undefined && isObject) complain(name, 'is missing');
    return reading(field ?? {}, `${at}.${name}`, shared);
  };
  const list = (field: unknown, name: string) => {
    if (field === undefined) return [];
    if (!Array.isArray(field)) complain(name, 'must be a list');
    return Array.isArray(field) ? field : [];
  };
  const items = (field: unknown, name: string) => list(field, name).map((item, index) => reading(item, `${at}.${name}[${index}]`, shared));

  return {
    value,
    problems,
    secrets,
    complain,
    inside,
    has: (name) => fields[name] !== undefined,
    text: <Otherwise extends string | null = string>(name: string, otherwise?: Otherwise) => {
      const field = get(name);
      if (typeof field === 'string' && field !== '') return filled(field, `${at}.${name}`, shared);
      if (field === undefined && otherwise !== undefined) return otherwise;
      complain(name, field === undefined ? 'is missing' : 'must be a text');
      return '';
    },
    number: (name, otherwise, least, most) => {
      const field = get(name);
      if (field === undefined) return otherwise;
      if (typeof field === 'number' && Number.isInteger(field) && field >= least && field <= most) return field;
      complain(name, `must be a whole number from ${least} to ${most}`);
      return least;
    },
    texts: (name) =>
      list(get(name), name).map((item: unknown, index) => {
        if (typeof item !== 'string') complain(`${name}[${index}]`, 'must be a text');
        return typeof item === 'string' ? filled(item, `${at}.${name}[${index}]`, shared) : '';
      }),
    textsByName: (name) => {
      const field = get(name);
      if (field === undefined) return {};
      const reader = reading(field, `${at}.${name}`, shared);
      return Object.fromEntries(Object.entries(field ?? {}).map(([key, inner]) => [key, inner === '' ? '' : reader.text(key)]));
    },
    any: (name) => filledDeep(get(name), `${at}.${name}`, shared),
    items: (name) => items(get(name), name),
    byName: (name, read) => {
      const field = get(name) ?? {};
      if (typeof field !== 'object' || Array.isArray(field)) complain(name, 'must be an object');
      return Object.fromEntries(Object.entries(field).map(([key, inner]) => [key, read(items(inner, `${name}.${key}`))]));
    },
    refuseOthers: () => {
      for (const name of Object.keys(fields)) if (!asked.has(name)) complain(name, `is not known; known: ${[...asked].join(', ')}`);
    },
  };
}

/** The text with what the caller's environment holds for `${NAME}`. */
function filled(text: string, at: string, { environment, problems, secrets }: Shared): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = environment[name];
    if (!value) {
      problems.push(`${at}: the environment has no ${name}`);
      return '';
    }
    secrets.push(value);
    return value;
  });
}

function filledDeep(value: unknown, at: string, shared: Shared): unknown {
  if (typeof value === 'string') return filled(value, at, shared);
  if (Array.isArray(value)) return value.map((item) => filledDeep(item, at, shared));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filledDeep(inner, at, shared)]));
}
