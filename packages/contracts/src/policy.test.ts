import { describe, expect, test } from 'vitest';
import { NEEDS_STEP_UP, PERMISSIONS } from './permissions.ts';
import {
  cellOf,
  covers,
  DEVICE_POLICY,
  grant,
  intersection,
  KEY_PERMISSIONS,
  PATIENT_GRANTS,
  permissionsOf,
  ROLES,
  union,
} from './policy.ts';

const ABOUT_ONESELF = ['self:read', 'self:write', 'self:secure'] as const;

describe('the policy table', () => {
  test('has a cell for every role and permission, and no other word in it', () => {
    for (const permission of PERMISSIONS)
      for (const role of ROLES) expect(['yes', 'all', '-'], `${role} ${permission}`).toContain(cellOf(role, permission));
  });

  test('gives the owner everything but what nobody has who is signed in, and what devices and patients do by themselves', () => {
    const others = new Set<string>(['account:sign-in', ...Object.values(DEVICE_POLICY).flat(), ...ABOUT_ONESELF]);
    expect(permissionsOf('owner', 'everywhere')).toEqual(PERMISSIONS.filter((permission) => !others.has(permission)));
  });

  test('gives patients what no role of staff holds, and of what they read the fields of contact', () => {
    expect([...PATIENT_GRANTS.keys()]).toEqual([...ABOUT_ONESELF, 'patient:contact']);
    for (const role of ROLES) for (const permission of ABOUT_ONESELF) expect(cellOf(role, permission)).toBe('-');
  });

  test("gives a key nothing that makes access, is a person's own, or wants a proof", () => {
    expect(KEY_PERMISSIONS.filter((permission) => NEEDS_STEP_UP.has(permission))).toEqual([]);
    expect(KEY_PERMISSIONS.filter((permission) => /^(account|device|kiosk|check-in|api-key|self)/.test(permission))).toEqual([]);
    expect(KEY_PERMISSIONS).toContain('appointment:write');
  });

  test('HIP-10: front desk, manager, biller and auditor hold no clinical field', () => {
    const clinical = ROLES.filter((role) => permissionsOf(role, 'everywhere').includes('patient:clinical'));
    expect(clinical).toEqual(['owner', 'provider', 'medical-director']);
  });

  test("does not give what is the whole organization's to who manages one location", () => {
    const here = permissionsOf('manager', ['a']);
    expect(here).toContain('schedule:write');
    expect(here).not.toContain('organization:write');
    expect(permissionsOf('manager', 'everywhere')).toContain('organization:write');
  });
});

test('what several roles allow together is each at its places', () => {
  const both = union([grant(['schedule:read', 'schedule:write'], ['a']), grant(['schedule:read'], ['b']), grant(['staff:read'])]);
  expect(Object.fromEntries(both)).toEqual({ 'schedule:read': ['a', 'b'], 'schedule:write': ['a'], 'staff:read': 'everywhere' });
  expect(union([grant(['staff:read'], ['a']), grant(['staff:read'])]).get('staff:read')).toBe('everywhere');
});

test('what two grants both allow is the smaller at each permission', () => {
  const one = grant(['schedule:read', 'schedule:write', 'staff:read'], ['a', 'b']);
  const other = union([grant(['schedule:read'], ['b', 'c']), grant(['schedule:write'], ['c']), grant(['staff:read'])]);
  expect(Object.fromEntries(intersection(one, other))).toEqual({ 'schedule:read': ['b'], 'staff:read': ['a', 'b'] });
  expect(intersection(other, one)).toEqual(intersection(one, other));
});

test('grants cover those that ask for no more, at no more places', () => {
  const held = union([grant(['staff:read']), grant(['schedule:read'], ['a', 'b'])]);
  expect(covers(held, grant(['staff:read'], ['z']))).toBe(true);
  expect(covers(held, grant(['schedule:read'], ['b']))).toBe(true);
  for (const more of [
    grant(['schedule:read']),
    grant(['schedule:read'], ['b', 'c']),
    grant(['schedule:read'], []),
    grant(['patient:read']),
  ])
    expect(covers(held, more)).toBe(false);
});
