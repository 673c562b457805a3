import { createTransport } from 'nodemailer';
import type { Config } from '../config.ts';
import type { Handover, Sender } from './index.ts';

/** No step of a delivery is silent for longer. All of them together end before another worker may take the message over. */
const STEP_MILLIS = 10_000;

/**
 * E-mail by SMTP. The Message-ID is made of the message's id, so that a second handover of one whose first has no known end is
 * recognisably the same message.
 */
export function createMailSender({ host, port, secure, user, password, from }: NonNullable<Config['mail']>): Sender {
  const isLocal = host === 'localhost' || host === '127.0.0.1' || host === '::1';
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && !isLocal,
    ignoreTLS: isLocal,
    ...(user === null ? {} : { auth: { user, pass: password } }),
    connectionTimeout: STEP_MILLIS,
    greetingTimeout: STEP_MILLIS,
    socketTimeout: STEP_MILLIS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = from.replace(/^.*@/, '').replace(/>$/, '');
  return {
    provider: 'smtp',
    send: async ({ id, to, title, body }) => {
      const messageId = `<${id}@${domain}>`;
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: to },
          messageId,
          subject: title ?? '',
          text: body,
          html: markupOf(body),
          headers: { 'auto-submitted': 'auto-generated' },
        });
        return { outcome: 'accepted', providerId: messageId };
      } catch (error) {
        return handoverOf(error as SmtpError);
      }
    },
  };
}

type SmtpError = { code?: string; responseCode?: number; syscall?: string; command?: string };

/** A no to these is about the recipient or the text. One to what comes before is about us, and may be mended. */
const ABOUT_THE_MESSAGE = new Set(['RCPT TO', 'DATA']);

/** A server that said no has it not. One that was never reached has it not either. Everything else is unknown. */
function handoverOf({ code = 'none', responseCode, syscall, command = '' }: SmtpError): Handover {
  const said = responseCode === undefined ? `smtp-${code.toLowerCase()}` : `smtp-${responseCode}`;
  if (code === 'EAUTH') return { outcome: 'later', code: 'smtp-eauth' };
  if (responseCode !== undefined)
    return { outcome: responseCode >= 500 && ABOUT_THE_MESSAGE.has(command) ? 'refused' : 'later', code: said };
  const isUnreached = ['connect', 'getaddrinfo'].includes(syscall ?? '') || ['EDNS', 'ETLS', 'EENVELOPE'].includes(code);
  return { outcome: isUnreached ? 'later' : 'unknown', code: said };
}

/** The same as markup, for readers that want it: escaped, a paragraph for each of its own. */
export function markupOf(body: string): string {
  const paragraphs = body.split(/\n{2,}/).map((part) => `<p>${escape(part).replaceAll('\n', '<br>')}</p>`);
  return `<!doctype html><html lang="en"><body>${paragraphs.join('')}</body></html>`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
