import { randomUUID } from 'node:crypto';
import { createTestDatabase, runAs } from '@medspa/testing';
import { expect, test } from 'vitest';
import { scramVerifier } from './scram.ts';

test.each(['correct horse', 'a', ` !"#$%&'()*+,-./:;<=>?@[]^_{|}~\\`, 'x'.repeat(200)])(
  'what is sent in place of a password is what PostgreSQL itself makes of it: %j',
  async (password) => {
    const t = await createTestDatabase();
    const role = `scram_${randomUUID().slice(0, 8)}`;
    try {
      await runAs(t.admin, `CREATE ROLE ${role} PASSWORD '${password.replaceAll("'", "''")}'`);
      const [row] = await t.look<{ made: string }>('SELECT rolpassword AS made FROM pg_authid WHERE rolname = $1', [role]);
      const salt = /^SCRAM-SHA-256\$4096:(.+?)\$/.exec(row?.made ?? '')?.[1] ?? '';
      expect(scramVerifier(password, Buffer.from(salt, 'base64'))).toBe(row?.made);
    } finally {
      await runAs(t.admin, `DROP ROLE ${role}`);
      await t.drop();
    }
  },
);

test('the same password is kept otherwise each time', () => {
  expect(scramVerifier('correct horse')).not.toBe(scramVerifier('correct horse'));
});
