/** A message as its receiver has it. */
export type MailboxEntry = {
  /** Message-ID of an e-mail, sid of a text */
  id: string;
  channel: 'email' | 'sms';
  from: string;
  to: string;
  title: string | null;
  body: string;
  at: Date;
  /** received, or what the text provider made of it: delivered, undelivered */
  status: string;
  /** how often it was handed over under the same id */
  handovers: number;
};

/** Most messages that are kept; the oldest go first. */
const KEPT = 500;

/**
 * What the stand-ins received, newest first, in memory. A second e-mail with a known Message-ID is the same e-mail, as it is for
 * mail servers that suppress duplicates; that it came twice is kept.
 */
export class Mailbox {
  #entries: MailboxEntry[] = [];

  entries(): readonly MailboxEntry[] {
    return this.#entries;
  }

  receive(entry: Omit<MailboxEntry, 'handovers' | 'at'>): MailboxEntry {
    const known = this.#entries.find(({ id }) => id === entry.id);
    if (known) {
      known.handovers++;
      return known;
    }
    const received = { ...entry, at: new Date(), handovers: 1 };
    this.#entries = [received, ...this.#entries].slice(0, KEPT);
    return received;
  }
}
