import { trees } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { findViolations } from './structure.ts';

const aTree = trees();
const M = 'apps/api/src/modules/scheduling';

describe('HIP-10: an answer', () => {
  const answers = 'a route answers with c.json(encode(c, Schema, value)), sqlJson or a constant';
  test.each<[what: string, path: string, line: string, said: string | null]>([
    ['is what encode wrote', `${M}/routes.ts`, 'export const a = (c) => c.json(encode(c, S, find()), 200);', null],
    ['may be a constant, or nothing', `${M}/routes.ts`, 'export const a = (c) => (c.x ? c.body(NO_WORDS, 200) : c.body(null, 204));', null],
    ['is not what a service returned', `${M}/routes.ts`, 'export const a = async (c) => c.json(await find(), 200);', answers],
    ['is no object that the route makes', `${M}/routes/day.ts`, 'export const a = (c, b) => c.json({ b }, 200);', answers],
    ['is no variable', `${M}/routes.ts`, 'export const a = (c, found) => c.json(found);', answers],
    ['is no text and no body either', `${M}/routes.ts`, 'export const a = (c, b) => c.body(JSON.stringify(b), 200);', answers],
    ['is not made by hand', `${M}/routes.ts`, 'export const a = (b) => new Response(b);', answers],
    ['is not made by hand of JSON', `${M}/routes.ts`, 'export const a = (b) => Response.json(b);', answers],
    ['of the platform is its own', 'apps/api/src/platform/a.ts', 'export const a = (c, b) => c.json(b);', null],
  ])('%s', (_, path, line, said) => {
    const found = findViolations(aTree({ [path]: `${line}\n` }));
    expect(found).toHaveLength(said === null ? 0 : 1);
    expect(found.join('')).toContain(said ?? '');
  });
});
