import type { MessageState } from '@medspa/contracts';
import { endOfQuiet, type QuietHours } from './quiet.ts';

/** A sender that was silent for this long is gone: every provider is asked within less. */
export const SILENT_MILLIS = 120_000;

/** What stands about a message when it is looked at. */
export type Facts = {
  state: MessageState;
  isUrgent: boolean;
  sendAfter: Date;
  expiresAt: Date;
  sendingAt: Date | null;
  isPatientActive: boolean;
  hasAddress: boolean;
  hasWords: boolean;
  hasSender: boolean;
  timeZone: string;
  quietHours: QuietHours;
};

export type Plan =
  | { step: 'nothing' }
  | { step: 'send' }
  /** somebody took it and was not heard of again */
  | { step: 'find-out' }
  /** somebody has it, and may never come back */
  | { step: 'look-again'; at: Date }
  | { step: 'wait'; until: Date; reason: string }
  | { step: 'withhold'; reason: string };

/** What to do about a message now. Consent is not here: the claim decides it, at the last moment (M3). */
export function planOf(facts: Facts, now: Date): Plan {
  if (facts.state === 'sending') {
    const silentAt = new Date((facts.sendingAt?.getTime() ?? 0) + SILENT_MILLIS);
    return silentAt <= now ? { step: 'find-out' } : { step: 'look-again', at: silentAt };
  }
  if (facts.state !== 'queued') return { step: 'nothing' };
  if (!facts.isPatientActive) return { step: 'withhold', reason: 'patient-inactive' };
  if (facts.expiresAt <= now) return { step: 'withhold', reason: 'expired' };
  if (!facts.hasSender) return { step: 'withhold', reason: 'channel-off' };
  if (!facts.hasWords) return { step: 'withhold', reason: 'no-template' };
  if (!facts.hasAddress) return { step: 'withhold', reason: 'no-address' };
  // A little grace: the queue's clock, which woke us, may be ahead of ours.
  if (facts.sendAfter.getTime() > now.getTime() + 5_000) return { step: 'wait', until: facts.sendAfter, reason: 'not-due' };
  const quietUntil = facts.isUrgent ? null : endOfQuiet(now, facts.timeZone, facts.quietHours);
  if (!quietUntil) return { step: 'send' };
  return quietUntil < facts.expiresAt
    ? { step: 'wait', until: quietUntil, reason: 'quiet-hours' }
    : { step: 'withhold', reason: 'expired' };
}

/** When to try again after that many attempts: half a minute, doubled each time, an hour at most. What ends it is `expiresAt`. */
export function tryAgainAt(now: Date, attempts: number): Date {
  return new Date(now.getTime() + Math.min(3_600_000, 30_000 * 2 ** (attempts - 1)));
}
