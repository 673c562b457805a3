/** Form in which a value is hashed for look-ups, so that spellings of the same value meet. */
export const normalised = {
  email: (email: string) => email.toLowerCase(),
  phone: (phone: string) => phone,
  birthDate: (date: string) => date,
};

/** What was typed, taken literally by LIKE: `%`, `_` and `\` lose their meaning. */
export function literalForLike(typed: string): string {
  return typed.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`);
}

/** The columns that a death changes: messages, offers and bookings stop with it. */
export function deathOf(deceasedOn: string | null | undefined): { deceasedOn?: Date | null; isActive?: false } {
  if (deceasedOn === undefined) return {};
  return deceasedOn === null ? { deceasedOn: null } : { deceasedOn: new Date(`${deceasedOn}T00:00:00Z`), isActive: false };
}
