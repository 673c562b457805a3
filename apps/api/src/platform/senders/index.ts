import type { Channel } from '@medspa/contracts';
import type { Config } from '../config.ts';
import { createMailSender } from './mail.ts';
import { createTextSender } from './twilio.ts';

/** A message as it leaves: to one address, and under an id that is its own for ever. */
export type Outgoing = {
  organizationId: string;
  id: string;
  to: string;
  title: string | null;
  body: string;
};

/**
 * What a provider made of it. `later`: it certainly has not got it, and may take it another time. `unknown`: nobody knows
 * whether it has. Codes are classes; a provider's own words may quote the address and are dropped.
 */
export type Handover =
  | { outcome: 'accepted'; providerId: string }
  | { outcome: 'refused'; code: string }
  | { outcome: 'opted-out'; code: string }
  | { outcome: 'later'; code: string }
  | { outcome: 'unknown'; code: string };

/** A provider of one channel. Never throws; is asked outside of any transaction. */
export type Sender = {
  provider: string;
  send: (message: Outgoing) => Promise<Handover>;
  /**
   * The provider's ids of what it has that may be this message, or null when it cannot be asked now. Absent where a provider
   * remembers nothing: then an unknown handover is made again under the same id (decision 0009).
   */
  find?: (message: Outgoing, since: Date) => Promise<string[] | null>;
};

export type Senders = { [channel in Channel]: Sender | null };

/** The configured providers. A channel without one sends nothing. */
export function createSenders({ mail, twilio, apiUrl }: Pick<Config, 'mail' | 'twilio' | 'apiUrl'>): Senders {
  return { email: mail && createMailSender(mail), sms: twilio && createTextSender(twilio, apiUrl) };
}
