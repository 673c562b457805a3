/** How long a patient is signed in: without a pause of so many minutes, and whatever they do. */
export const PATIENT_SESSION = { idleMinutes: 30, hours: 24 };

/** How long a code and its link are good. */
export const CODE_MINUTES = 10;

/** Somebody who is reached at the address that a right code was sent to. */
export type Reached = { id: string; birthDate: string | null; isOfAge: boolean };

/**
 * Who signs in with a right code. Where several people have the address the birth date tells them apart; nobody is told how many they
 * are, and two who are alike in both are not taken for one. A minor does not sign in: whoever stands in for them does.
 */
export function whoSignsIn(
  reached: readonly Reached[],
  birthDate: string | undefined,
): { id: string } | 'code-refused' | 'birth-date-required' | 'person-not-clear' | 'not-of-age' {
  if (reached.length > 1 && birthDate === undefined) return 'birth-date-required';
  const meant = reached.filter((one) => birthDate === undefined || one.birthDate === birthDate);
  const [first, second] = meant;
  if (!first) return 'code-refused';
  if (second) return 'person-not-clear';
  return first.isOfAge ? { id: first.id } : 'not-of-age';
}
