import { PURPOSES, type Purpose } from '@medspa/contracts';

/** What was said of an address once. */
export type Said = { purpose: string; isGranted: boolean; source: string; at: Date };

/** Where nobody said anything: who gave an address for their visits is told of them, marketing needs a yes (app.has_consent). */
function impliedConsent(purpose: Purpose): boolean {
  return purpose === 'transactional';
}

/** What holds for an address, by purpose. `history` is newest first. */
export function consentNow(history: readonly Said[]) {
  return PURPOSES.map((purpose) => {
    const last = history.find((said) => said.purpose === purpose);
    return {
      purpose,
      isGranted: last?.isGranted ?? impliedConsent(purpose),
      source: last?.source ?? null,
      at: last?.at.toISOString() ?? null,
    };
  });
}

/**
 * What START gives back: what STOP by text, or a provider that had seen one, took away, and nothing that was not allowed before.
 * `history` is newest first.
 */
export function restoredByStart(history: readonly Said[]): Purpose[] {
  return PURPOSES.filter((purpose) => {
    const own = history.filter((said) => said.purpose === purpose);
    const isTaken = (said: Said) => !said.isGranted && (said.source === 'keyword' || said.source === 'provider');
    const [last] = own;
    if (!last || !isTaken(last)) return false;
    return own.find((said) => !isTaken(said))?.isGranted ?? impliedConsent(purpose);
  });
}
