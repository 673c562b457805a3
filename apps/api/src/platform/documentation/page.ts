import { callSection, methodMark, sample } from './call.ts';
import { exampleObject } from './example.ts';
import { fieldList } from './fields.ts';
import { beginSection, conventionsSection } from './guide.ts';
import { html, prose, type Html } from './html.ts';
import { callsOf, type Call, type OpenApi } from './openapi.ts';
import { problemSections } from './problems.ts';

type Group = { name: string; description: string; anchor: string; calls: Call[] };

/** The whole reference as one page of plain markup: no script, no style but the one sheet, nothing from elsewhere. */
export function renderPage(document: OpenApi): string {
  const { title, version, description } = document.info;
  const calls = callsOf(document);
  const groups = document.tags.map(({ name, description: about }) => ({
    name,
    description: about,
    anchor: `calls-${name.toLowerCase()}`,
    calls: calls.filter((call) => call.tags.includes(name)),
  }));
  const objects = Object.keys(document.components.schemas).toSorted();
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="description" content="Reference of the ${title} API: every call with its fields, examples and refusals." />
        <title>${title}: API reference</title>
        <link rel="icon" href="/docs/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header class="top">
          <p class="product">
            <a href="/docs"><img src="/docs/icon.svg" alt="" width="24" height="24" />${title}</a> <span class="version">${version}</span>
          </p>
          <p><a href="/openapi.json">OpenAPI 3.1 document</a></p>
        </header>
        <div class="layout">
          ${contents(groups, objects)}
          <main id="content" tabindex="-1">
            <h1>API reference</h1>
            <p class="lead">${prose(description)}</p>
            ${beginSection(document.servers[0]?.url ?? '')}${conventionsSection()}${groups.map((group) => groupSection(document, group))}
            <section id="objects" aria-labelledby="objects-title">
              <h2 id="objects-title">Objects</h2>
              <p>What the calls answer with.</p>
              ${objects.map((name) => objectSection(document, name))}
            </section>
            <section id="problems" aria-labelledby="problems-title">
              <h2 id="problems-title">Refusals</h2>
              <p>Every way in which a call can be refused, and what to do about it.</p>
              ${problemSections(calls)}
            </section>
          </main>
        </div>
      </body>
    </html> `.text;
}

/** Contents beside the page where there is room; where there is not, its headings only, and each part lists its own calls. */
function contents(groups: Group[], objects: string[]): Html {
  return html`<nav aria-label="Contents">
    <ul class="contents">
      <li><a href="#begin">Begin</a></li>
      <li><a href="#conventions">What holds everywhere</a></li>
      ${groups.map(({ name, anchor, calls }) => html`<li><a class="group" href="#${anchor}">${name}</a> ${callList(calls)}</li> `)}
      <li>
        <a class="group" href="#objects">Objects</a>
        <ul>
          ${objects.map((name) => html`<li><a href="#object-${name}">${name}</a></li> `)}
        </ul>
      </li>
      <li><a class="group" href="#problems">Refusals</a></li>
    </ul>
  </nav> `;
}

function callList(calls: Call[]): Html {
  return html`<ul>
    ${calls.map(
      (call) =>
        html`<li>
          <a href="#${call.anchor}">${methodMark(call.method)} <span>${call.summary}</span></a>
        </li> `,
    )}
  </ul> `;
}

function groupSection(document: OpenApi, { name, description, anchor, calls }: Group): Html {
  return html`<section id="${anchor}" aria-labelledby="${anchor}-title">
    <h2 id="${anchor}-title">${name}</h2>
    <p>${prose(description)}</p>
    <div class="contents within">${callList(calls)}</div>
    ${calls.map((call) => callSection(document, call))}
  </section> `;
}

function objectSection(document: OpenApi, name: string): Html {
  const schema = document.components.schemas[name] ?? {};
  return html`<section class="call" id="object-${name}">
    <div class="about">
      <h3><a href="#object-${name}">${name}</a></h3>
      ${schema.description && html`<p>${prose(schema.description)}</p> `}${fieldList(schema, 'answer')}
    </div>
    <div class="samples">${sample('Example', JSON.stringify(exampleObject(document, name), null, 2))}</div>
  </section> `;
}
