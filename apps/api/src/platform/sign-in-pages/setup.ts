import { html } from '../documentation/html.ts';
import { field, framed, summary } from './frame.ts';

/** The page on which the first person makes their organization, and which then says how to go on. */
export function renderSetup(): string {
  return framed(
    { title: 'Set up', script: '/sign-in/setup.js' },
    html`<section class="card" id="begin" aria-labelledby="begin-title">
        <h1 id="begin-title">Set up your organization</h1>
        <p class="lead">You become its owner and the first person who can sign in. There is no account before yours.</p>
        <form id="setup" method="post" novalidate>
          ${summary}
          ${field({ name: 'code', label: 'Setup code', autocomplete: 'off', hint: 'Printed when the service was started or set up. It works once, for a day.' })}
          ${field({ name: 'organizationName', label: 'Name of the organization', autocomplete: 'organization' })}
          <div class="pair">
            ${field({ name: 'givenName', label: 'Your given name', autocomplete: 'given-name' })}
            ${field({ name: 'familyName', label: 'Your family name', autocomplete: 'family-name' })}
          </div>
          ${field({ name: 'email', label: 'Your e-mail address', type: 'email', autocomplete: 'username' })}
          ${field({
            name: 'password',
            label: 'Password',
            type: 'password',
            autocomplete: 'new-password',
            hint: 'At least 15 characters. Several words that do not belong together are easy to type and hard to guess.',
          })}
          ${field({ name: 'again', label: 'The same password again', type: 'password', autocomplete: 'new-password' })}
          <button type="submit">Make the organization</button>
        </form>
      </section>
      <section class="card" id="done" aria-labelledby="done-title" hidden>
        <h1 id="done-title" tabindex="-1">Your organization is made</h1>
        <p class="lead">The setup code is used up. Two steps are left:</p>
        <ol class="next">
          <li><strong>Sign in</strong> with your e-mail address and your password.</li>
          <li><strong>Add an authenticator app</strong> on the page that follows, and keep the recovery codes that it gives you.</li>
        </ol>
        <p><a class="button" href="/sign-in">Sign in</a></p>
      </section>`,
  );
}
