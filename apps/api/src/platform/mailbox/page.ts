import { html, type Html } from '../documentation/html.ts';

/** What a receiver has in hand. */
export type Received = {
  id: string;
  channel: 'email' | 'sms';
  from: string;
  to: string;
  title: string | null;
  body: string;
  at: Date;
  status: string;
  handovers: number;
};

/** The page: markup that works without its script, which only spares the reader the reloading. */
export function renderMailbox(received: readonly Received[]): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Mailbox of the practice clinic</title>
        <link rel="icon" href="/docs/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/docs/style.css" />
        <link rel="stylesheet" href="/mailbox/style.css" />
        <script src="/mailbox/refresh.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the messages</a>
        <header class="top">
          <p class="product">
            <a href="/docs"><img src="/docs/icon.svg" alt="" width="24" height="24" />Medical Spa Platform</a>
          </p>
          <p><a href="/mailbox">Reload</a></p>
        </header>
        <main id="content" class="mailbox" tabindex="-1">
          <h1>Mailbox</h1>
          <p class="lead">
            What the practice clinic sent: e-mails and text messages that would have gone to patients. They stay on this machine, in memory,
            until it stops.
          </p>
          <div id="messages" aria-live="polite">${renderList(received)}</div>
        </main>
      </body>
    </html> `.text;
}

/** The list alone, which the script puts in the place of the one before. */
export function renderList(received: readonly Received[]): Html {
  if (received.length === 0) return html`<p class="none">Nothing yet. Book a visit, and its confirmation arrives here.</p>`;
  return html`<ol class="messages">
    ${received.map(renderOne)}
  </ol>`;
}

const CHANNELS = { email: 'E-mail', sms: 'Text message' };

function renderOne({ id, channel, from, to, title, body, at, status, handovers }: Received): Html {
  return html`<li class="message">
    <article aria-labelledby="of-${id}">
      <h2 id="of-${id}">${title ?? CHANNELS[channel]}</h2>
      <dl>
        <div>
          <dt>By</dt>
          <dd>${CHANNELS[channel]}</dd>
        </div>
        <div>
          <dt>To</dt>
          <dd>${to}</dd>
        </div>
        <div>
          <dt>From</dt>
          <dd>${from}</dd>
        </div>
        <div>
          <dt>At</dt>
          <dd><time datetime="${at.toISOString()}">${at.toISOString().slice(0, 19).replace('T', ' ')} UTC</time></dd>
        </div>
        <div>
          <dt>Status</dt>
          <dd>${status}${handovers > 1 && `, handed over ${handovers} times`}</dd>
        </div>
      </dl>
      <p class="text">${body}</p>
    </article>
  </li> `;
}
