import { html, type Html } from '../documentation/html.ts';

/** The page around a card: title, styles, one script of ours, the product's name. */
export function framed({ title, script }: { title: string; script: string }, content: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}: Medical Spa Platform</title>
        <link rel="icon" href="/docs/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/docs/style.css" />
        <link rel="stylesheet" href="/sign-in/page.css" />
        <script type="module" src="${script}"></script>
      </head>
      <body class="entrance">
        <a class="skip" href="#content">Skip to the content</a>
        <header class="brand">
          <p class="product"><img src="/docs/icon.svg" alt="" width="36" height="36" />Medical Spa Platform</p>
        </header>
        <main id="content" tabindex="-1">
          <noscript><p class="notice">This page needs its script, which sends what you type to this service.</p></noscript>
          ${content}
        </main>
      </body>
    </html> `.text;
}

type Field = {
  name: string;
  label: string;
  type?: 'text' | 'email' | 'password';
  autocomplete: string;
  hint?: string;
  isOptional?: boolean;
  /** Digits, which a phone offers a keyboard for. */
  isNumeric?: boolean;
};

/** A field with its label, its hint, and the place of its error, which the script fills in. */
export function field({ name, label, type = 'text', autocomplete, hint, isOptional, isNumeric }: Field): Html {
  return html`<div class="field">
    <label for="${name}">${label}</label>
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    <input
      id="${name}"
      name="${name}"
      type="${type}"
      autocomplete="${autocomplete}"
      ${isOptional ? '' : html`required`}
      ${isNumeric && html`inputmode="numeric"`}
      ${type !== 'text' || isNumeric ? html`spellcheck="false" autocapitalize="none"` : ''}
      aria-describedby="${hint ? `${name}-hint ` : ''}${name}-error"
    />
    <p class="error" id="${name}-error" hidden></p>
  </div>`;
}

/** Where a form says what went wrong as a whole. */
export const summary = html`<p class="problem" role="alert" tabindex="-1" hidden></p>`;
