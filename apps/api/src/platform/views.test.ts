import { grant, only, pageOf, type FieldPermission, type Grants } from '@medspa/contracts';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { encode } from './http.ts';
import type { Ctx } from './context.ts';
import { forbiddenIn, hasGuardedFields, shown } from './views.ts';

const Person = z.object({
  name: z.string(),
  phone: only('patient:contact', z.string().nullable()).optional(),
  seen: z.date().transform(String).pipe(z.string()),
  visit: z.object({ note: only('patient:clinical', z.string()).optional(), at: z.string() }).nullable(),
  invoices: z.array(z.object({ number: z.string(), price: only('money:read', z.int().optional()) })).optional(),
});
const aPerson = () => ({
  name: 'Paula',
  phone: '+12125550100',
  seen: 'then',
  visit: { note: 'calm', at: 'noon' },
  invoices: [
    { number: '1', price: 4 },
    { number: '2', price: 5 },
  ],
});
const holding = (...permissions: FieldPermission[]): Grants => grant(permissions);
const ALL = holding('patient:contact', 'patient:clinical', 'money:read');

describe('HIP-10: what an actor may not see', () => {
  test('is left out, absent and not null, at any depth, and the rest stays', () => {
    expect(shown(Person, new Map(), aPerson())).toEqual({
      name: 'Paula',
      seen: 'then',
      visit: { at: 'noon' },
      invoices: [{ number: '1' }, { number: '2' }],
    });
    expect(shown(Person, holding('patient:clinical', 'money:read'), aPerson())).toEqual({
      name: 'Paula',
      seen: 'then',
      visit: { note: 'calm', at: 'noon' },
      invoices: aPerson().invoices,
    });
    expect(shown(pageOf(Person), holding('patient:contact'), { items: [aPerson()], nextCursor: null })).toEqual({
      items: [{ name: 'Paula', phone: '+12125550100', seen: 'then', visit: { at: 'noon' }, invoices: [{ number: '1' }, { number: '2' }] }],
      nextCursor: null,
    });
  });

  test('is nothing where a permission holds at one location at least, and for whoever holds them all', () => {
    expect(shown(Person, new Map([...ALL].map(([permission]) => [permission, ['a-location']])), aPerson())).toEqual(aPerson());
    expect(shown(Person, ALL, aPerson())).toEqual(aPerson());
  });

  test('costs nobody a look at an answer of which nothing is hidden from them', () => {
    const unlookable = new Proxy({}, { get: () => expect.fail('walked'), ownKeys: () => expect.fail('walked') });
    expect(shown(Person, ALL, unlookable)).toBe(unlookable);
    expect(shown(z.object({ name: z.string() }), new Map(), unlookable)).toBe(unlookable);
    expect(hasGuardedFields(Person)).toBe(true);
    expect(hasGuardedFields(z.object({ name: z.string() }))).toBe(false);
  });

  test('is found in a request by its pointers, also when it says null', () => {
    expect(forbiddenIn(Person, new Map(), aPerson())).toEqual(['/phone', '/visit/note', '/invoices/0/price', '/invoices/1/price']);
    expect(forbiddenIn(Person, new Map(), { phone: null, visit: null, invoices: 'none' })).toEqual(['/phone']);
    expect(forbiddenIn(Person, ALL, aPerson())).toEqual([]);
    for (const body of [undefined, null, 'text', 4, []]) expect(forbiddenIn(Person, new Map(), body)).toEqual([]);
  });

  test('is asked of the actor of the request each time, whoever came before', () => {
    const Card = z.object({ phone: only('patient:contact', z.string()).optional() });
    const answerTo = (grants: Grants) => encode({ get: () => ({ actor: { grants } }) as unknown as Ctx }, Card, { phone: '1' });
    expect([answerTo(ALL), answerTo(new Map()), answerTo(ALL)]).toEqual([{ phone: '1' }, {}, { phone: '1' }]);
  });
});
