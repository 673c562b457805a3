import { html } from '../documentation/html.ts';
import { field, framed, summary } from './frame.ts';

/** What the page offers beside password and code. */
export type SignInPage = {
  /** The practice clinic's mailbox is there. */
  hasMailbox: boolean;
  /** An identity provider is configured (OIDC). */
  hasProvider: boolean;
};

/** The page on which people sign in, see that they are, and add an authenticator app. */
export function renderSignIn({ hasMailbox, hasProvider }: SignInPage): string {
  return framed(
    { title: 'Sign in', script: '/sign-in/sign-in.js' },
    html`<section class="card" id="signed-out" aria-labelledby="sign-in-title">
        <h1 id="sign-in-title" tabindex="-1">Sign in</h1>
        <form id="sign-in" method="post" novalidate>
          ${summary} ${field({ name: 'email', label: 'E-mail address', type: 'email', autocomplete: 'username' })}
          ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' })}
          <div id="factor" hidden>
            ${field({
              name: 'code',
              label: 'Code',
              autocomplete: 'one-time-code',
              hint: 'Six digits of your authenticator app, or a recovery code.',
              isOptional: true,
            })}
          </div>
          <button type="submit">Sign in</button>
        </form>
        ${
          hasProvider &&
          html`<form id="provider" method="post" novalidate>
              ${summary}
              <button type="submit" class="second">Sign in with your organization's account</button>
            </form>
            <form id="provider-code" method="post" novalidate hidden>
              ${summary}
              ${field({
                name: 'providerCode',
                label: 'Code',
                autocomplete: 'one-time-code',
                hint: 'Six digits of your authenticator app, or a recovery code.',
              })}
              <button type="submit">Sign in</button>
            </form>`
        }
        <p class="aside">Nobody has an account yet? <a href="/setup">Set up an organization</a> with its code.</p>
      </section>
      <section class="card" id="signed-in" aria-labelledby="who" hidden>
        <h1 id="who" tabindex="-1">You are signed in</h1>
        <p class="lead" id="whose"></p>
        <ul class="next">
          <li><a href="/docs">Every call, with examples</a></li>
          ${hasMailbox && html`<li><a href="/mailbox">What the practice clinic's patients were sent</a></li>`}
        </ul>
        <div id="add-app" hidden>
          <h2>Add an authenticator app</h2>
          <p>
            With it, a password that somebody learned is not enough. The app shows a code of six digits, which you type when you sign in.
          </p>
          <form id="begin-app" method="post" novalidate>
            ${summary}
            <button type="submit" class="second">Show me the key for the app</button>
          </form>
          <form id="confirm-app" method="post" novalidate hidden>
            ${summary}
            <p>Add an account in the app with this key, or <a id="app-link" href="/sign-in">open the app with it</a> on this device.</p>
            <p class="secret" id="app-key"></p>
            ${field({ name: 'appCode', label: 'Code that the app shows now', autocomplete: 'one-time-code', isNumeric: true })}
            <button type="submit">The app is added</button>
          </form>
        </div>
        <div id="codes" hidden>
          <h2 id="codes-title" tabindex="-1">Keep these recovery codes</h2>
          <p>
            Each works once instead of the app, on the day on which the phone is gone. They are shown this once: print them, or keep them
            where you keep passwords.
          </p>
          <ul class="secret" id="code-list"></ul>
        </div>
        <form id="sign-out" method="post" novalidate>
          ${summary}
          <button type="submit" class="second">Sign out</button>
        </form>
      </section>`,
  );
}
