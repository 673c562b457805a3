import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './http.ts';
import { escapePointer, Problem } from './problem.ts';

/** No documented body nests deeper than five; a reader that recurses must not be made to. */
const MAX_DEPTH = 32;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Refuses a body that two readers could understand differently, before any schema sees it: bytes that are not UTF-8, text
 * that is not JSON, a key given twice (JSON.parse keeps the last), `__proto__`, and nesting without end.
 */
export function strictBody(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.header('content-type') === undefined) return next();
    let bytes: ArrayBuffer;
    try {
      bytes = await c.req.arrayBuffer();
    } catch {
      throw malformed('', 'Ended before its declared length.');
    }
    // The cache holds promises, whatever its type says; the validators read the text from it.
    if (bytes.byteLength > 0) c.req.bodyCache.text = Promise.resolve(readStrictly(bytes)) as unknown as string;
    // The edge let it in as JSON; the validators know fewer spellings of that.
    if (bytes.byteLength > 0) c.req.raw.headers.set('content-type', 'application/json');
    return next();
  };
}

function readStrictly(bytes: ArrayBuffer): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw malformed('', 'Not valid UTF-8.');
  }
  try {
    JSON.parse(text);
  } catch {
    throw malformed('', 'Not valid JSON.');
  }
  const fault = findFault(text);
  if (fault) throw malformed(fault.pointer, fault.detail);
  return text;
}

function malformed(pointer: string, detail: string): Problem {
  return new Problem('malformed-body', { errors: [{ in: 'body', pointer, detail }] });
}

type Level = { keys: Set<string> | null; at: string | number };

/** The first place where valid JSON is ambiguous or too deep, or null. One pass over the text, without recursion. */
export function findFault(text: string): { pointer: string; detail: string } | null {
  const levels: Level[] = [];
  let awaitsKey = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    const level = levels.at(-1);
    if (character === '"') {
      const end = endOfString(text, index);
      if (awaitsKey && level?.keys) {
        level.at = JSON.parse(text.slice(index, end + 1)) as string;
        if (level.keys.has(level.at)) return { pointer: pointerOf(levels), detail: 'Given twice.' };
        if (level.at === '__proto__') return { pointer: pointerOf(levels), detail: 'Unknown key.' };
        level.keys.add(level.at);
        awaitsKey = false;
      }
      index = end;
    } else if (character === '{' || character === '[') {
      if (levels.length === MAX_DEPTH) return { pointer: pointerOf(levels), detail: `Nested deeper than ${MAX_DEPTH}.` };
      awaitsKey = character === '{';
      levels.push({ keys: awaitsKey ? new Set() : null, at: awaitsKey ? '' : 0 });
    } else if (character === '}' || character === ']') {
      levels.pop();
      awaitsKey = false;
    } else if (character === ',') {
      if (level?.keys) awaitsKey = true;
      else if (level) level.at = Number(level.at) + 1;
    }
  }
  return null;
}

/** Index of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
  }
}

function pointerOf(levels: Level[]): string {
  return levels.map(({ at }) => `/${escapePointer(String(at))}`).join('');
}
