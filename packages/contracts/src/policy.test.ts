import { describe, expect, test } from 'vitest';
import { PERMISSIONS } from './permissions.ts';
import { cellOf, grant, PATIENT_GRANTS, permissionsOf, ROLES, union } from './policy.ts';

describe('the policy table', () => {
  test('has a cell for every role and permission, and no other word in it', () => {
    for (const permission of PERMISSIONS)
      for (const role of ROLES) expect(['yes', 'all', '-'], `${role} ${permission}`).toContain(cellOf(role, permission));
  });

  test('gives the owner everything but what nobody has who is signed in, and what is of patients', () => {
    const others = PERMISSIONS.filter((permission) => permission !== 'account:sign-in' && !permission.startsWith('self:'));
    expect(permissionsOf('owner', 'everywhere')).toEqual(others);
  });

  test('gives patients what no role of staff holds, and nothing else', () => {
    expect([...PATIENT_GRANTS.keys()]).toEqual(['self:read', 'self:write', 'self:secure']);
    for (const role of ROLES) for (const permission of PATIENT_GRANTS.keys()) expect(cellOf(role, permission)).toBe('-');
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
