import type { AddressInfo } from 'node:net';
import PostalMime from 'postal-mime';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { Mailbox } from './mailbox.ts';

export type MailServer = { url: string; stop: () => Promise<void> };

/**
 * An SMTP server on this machine that takes every e-mail and delivers none. `received` is called once a message is taken and
 * before its sender is told: whoever throws there refuses it with the number of the error, 450 unless it has one.
 */
export async function startMailServer(mailbox: Mailbox, received: (id: string) => void | Promise<void> = () => {}): Promise<MailServer> {
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    authOptional: true,
    hideENHANCEDSTATUSCODES: false,
    size: 1_000_000,
    closeTimeout: 200,
    onData: (stream, session, done) => {
      // oxlint-disable-next-line promise/no-callback-in-promise -- the library's interface is a callback
      void take(stream, session).then(done);
    },
  });

  /** Puts it into the mailbox; the error is what its sender is told. */
  async function take(stream: AsyncIterable<Uint8Array>, session: SMTPServerSession): Promise<Error | null> {
    const pieces: Uint8Array[] = [];
    for await (const piece of stream) pieces.push(piece);
    const mail = await PostalMime.parse(Buffer.concat(pieces));
    const id = mail.messageId ?? '';
    const { mailFrom, rcptTo } = session.envelope;
    mailbox.receive({
      id,
      channel: 'email',
      from: mailFrom ? mailFrom.address : '',
      to: rcptTo.map(({ address }) => address).join(', '),
      title: mail.subject ?? null,
      body: (mail.text ?? '').trim(),
      status: 'received',
    });
    try {
      await received(id);
      return null;
    } catch (error) {
      return Object.assign(error as Error, { responseCode: (error as { responseCode?: number }).responseCode ?? 450 });
    }
  }
  // A client that was killed in the middle is no event here.
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return { url: `smtp://127.0.0.1:${port}`, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}
