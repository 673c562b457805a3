import type { Role } from '@medspa/contracts';

/**
 * One person of the practice clinic for each role, with the address under which they sign in. The ids are the same in every
 * fill. Addresses of this domain cannot receive mail.
 */
export type PracticePerson = { role: Role; id: string; givenName: string; familyName: string; jobTitle: string; email: string };

export const PRACTICE_OWNER_ID = '01a00000-0000-7000-8000-000000000002';

export const PRACTICE_PEOPLE: PracticePerson[] = [
  { role: 'owner', id: PRACTICE_OWNER_ID, ...of('Rowan', 'Ash', 'Owner', 'owner') },
  { role: 'manager', id: '01a00000-0000-7000-8000-000000000003', ...of('Marlow', 'Finch', 'Office manager', 'manager') },
  { role: 'front-desk', id: '01a00000-0000-7000-8000-000000000004', ...of('Sunny', 'Reed', 'Front desk', 'front-desk') },
  { role: 'provider', id: '01a00000-0000-7000-8000-000000000005', ...of('Wren', 'Calder', 'Nurse practitioner', 'provider') },
  { role: 'medical-director', id: '01a00000-0000-7000-8000-000000000006', ...of('Imara', 'Voss', 'Medical director', 'medical-director') },
  { role: 'biller', id: '01a00000-0000-7000-8000-000000000007', ...of('Perrin', 'Lake', 'Biller', 'biller') },
  { role: 'auditor', id: '01a00000-0000-7000-8000-000000000008', ...of('Sage', 'Okafor', 'Auditor', 'auditor') },
];

/** Those of them who are of the first location's team, in the order of `TEAM`. */
export const PRACTICE_TEAM = ['medical-director', 'provider'].map((role) => PRACTICE_PEOPLE.find((person) => person.role === role));

function of(givenName: string, familyName: string, jobTitle: string, mailbox: string) {
  return { givenName, familyName, jobTitle, email: `${mailbox}@clinic.example` };
}
