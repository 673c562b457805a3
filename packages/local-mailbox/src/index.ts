import { startMailServer } from './mail-server.ts';
import { Mailbox, type MailboxEntry } from './mailbox.ts';
import { startTextProvider, type TextAccount } from './text-provider.ts';

// Where messages go on this machine instead of to people: an SMTP server and Twilio's API, both with their real protocols, so
// that the service is told addresses and sign-ins and nothing else. Never part of a production image.
export { startMailServer, type MailServer } from './mail-server.ts';
export { Mailbox, type MailboxEntry } from './mailbox.ts';
export { startTextProvider, type TextAccount, type TextFault, type TextProvider, type TextProviderOptions } from './text-provider.ts';

export type LocalMailbox = { entries: () => readonly MailboxEntry[]; smtpUrl: string; texts: TextAccount; stop: () => Promise<void> };

/** Both stand-ins with one mailbox. Texts are reported as delivered. */
export async function startLocalMailbox(): Promise<LocalMailbox> {
  const mailbox = new Mailbox();
  const [mail, texts] = [await startMailServer(mailbox), await startTextProvider(mailbox, { reports: true })];
  return {
    entries: () => mailbox.entries(),
    smtpUrl: mail.url,
    texts: texts.account,
    stop: async () => {
      await Promise.all([mail.stop(), texts.stop()]);
    },
  };
}
