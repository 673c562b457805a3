// Who signs in to the practice clinic of `npm start`, and with which password: one of this installation's own.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { assertKeysFit, createCodec, openDatabase, type DatabaseSettings, type Wrapping } from '@medspa/database';
import { PRACTICE_ORGANIZATION_ID, PRACTICE_OWNER_ID, PRACTICE_PEOPLE, type PracticePerson } from '@medspa/practice-data';
import { letPracticePeopleIn, ownerOf } from '../apps/api/src/modules/identity/index.ts';
import { createBreaker } from '../apps/api/src/platform/breaker.ts';

const PASSWORD_BYTES = 15;

export type PracticeSignIns = { password: string; people: PracticePerson[] };

/** Makes the sign-ins true: the password in the file, made with it on the first run, is that of each person. */
export async function openPracticeSignIns(settings: DatabaseSettings, wrapping: Wrapping, file: string): Promise<PracticeSignIns> {
  const password = passwordIn(file);
  const database = openDatabase({ ...settings, applicationName: 'medspa-practice' });
  try {
    await assertKeysFit(database, wrapping);
    const ctx = {
      database,
      codec: createCodec(database, wrapping),
      breaker: createBreaker().policy,
      organizationId: PRACTICE_ORGANIZATION_ID,
      actor: ownerOf(PRACTICE_OWNER_ID),
      requestId: 'practice-sign-ins',
      now: () => new Date(),
    };
    return { password, people: await letPracticePeopleIn(ctx, PRACTICE_PEOPLE, password) };
  } finally {
    await database.disconnectDatabase();
  }
}

/** Those who can sign in, as the console shows them. */
export function tellSignIns({ password, people }: PracticeSignIns): string {
  const width = Math.max(...people.map(({ email }) => email.length));
  return `Practice sign-ins, for this made-up clinic on this machine and for nothing else:

${people.map(({ email, givenName, familyName, jobTitle }) => `  ${email.padEnd(width)}  ${givenName} ${familyName}, ${jobTitle.toLowerCase()}`).join('\n')}

  password of all of them: ${password}`;
}

function passwordIn(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const password = (randomBytes(PASSWORD_BYTES).toString('hex').match(/.{6}/g) ?? []).join('-');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}
