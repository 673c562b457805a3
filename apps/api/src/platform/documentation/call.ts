import { PROBLEMS, type ProblemSlug } from '@medspa/contracts';
import { EVERYWHERE, WITH_BODY } from '../http.ts';
import { exampleAddress, exampleBody, exampleReply } from './example.ts';
import { fieldList, parameterList } from './fields.ts';
import { html, prose, type Html } from './html.ts';
import { bodyOf, objectOf, problemsOf, successOf, type Call, type OpenApi, type Parameter } from './openapi.ts';

/** One operation: what it takes, what it answers, how it refuses, and a request to copy. */
export function callSection(document: OpenApi, call: Call): Html {
  const body = bodyOf(call);
  const parameters = (place: Parameter['in']) => (call.parameters ?? []).filter((parameter) => parameter.in === place);
  const lists = [
    ['Path parameters', parameters('path')],
    ['Query parameters', parameters('query')],
    ['Headers', parameters('header')],
  ] as const;
  return html`<section class="call" id="${call.anchor}">
    <div class="about">
      <h3><a href="#${call.anchor}">${call.summary}</a></h3>
      <p class="route">${methodMark(call.method)} <code>${breakable(call.path)}</code></p>
      <p class="needs">Needs <code>${call['x-permission']}</code></p>
      ${call.description && html`<p>${prose(call.description)}</p> `}${lists.map(
        ([title, list]) =>
          list.length > 0 &&
          html`<h4>${title}</h4>
            ${parameterList(list)}`,
      )}${
        body &&
        html`<h4>Body</h4>
          ${fieldList(body, 'request')}`
      }${answer(call)}${refusals(call)}
    </div>
    ${samples(document, call)}
  </section> `;
}

/** The method as a mark; its colour only repeats what it says. */
export function methodMark(method: string): Html {
  return html`<span class="method ${method}">${method.toUpperCase()}</span>`;
}

function answer(call: Call): Html {
  const { status, description, schema } = successOf(call);
  const name = objectOf(schema);
  const kind = name && html`<a href="#object-${name}">${name}</a>`;
  const isPage = name !== undefined && schema?.$ref === undefined;
  return html`<h4>Answer</h4>
    <p><code>${status}</code> ${description}${kind && (isPage ? html` of ${kind}` : html`: ${kind}`)}</p> `;
}

function refusals(call: Call): Html {
  const shared = new Set([...EVERYWHERE, ...WITH_BODY]);
  const all = problemsOf(call).toSorted((a, b) => PROBLEMS[a].status - PROBLEMS[b].status);
  const [common, own] = [all.filter((slug) => shared.has(slug)), all.filter((slug) => !shared.has(slug))];
  return html`<h4>Refusals</h4>
    ${own.length > 0 && slugList(own)}
    <details>
      <summary>${own.length > 0 ? 'And those' : 'Those'} that every call shares</summary>
      ${slugList(common)}
    </details> `;
}

function slugList(slugs: ProblemSlug[]): Html {
  return html`<ul class="refusals">
    ${slugs.map(
      (slug) =>
        html`<li>
          <a href="#problem-${slug}"><span>${PROBLEMS[slug].status}</span> ${slug}</a>
        </li> `,
    )}
  </ul> `;
}

function samples(document: OpenApi, call: Call): Html {
  return html`<div class="samples">
    ${sample('Request', curlOf(document, call))}${sample('Answer', JSON.stringify(exampleReply(document, call), null, 2))}
  </div> `;
}

/** A block of text to copy. */
export function sample(title: string, text: string): Html {
  return html`<figure>
    <figcaption>${title}</figcaption>
    <pre><code>${text}</code></pre>
  </figure> `;
}

function curlOf(document: OpenApi, call: Call): string {
  const address = `${document.servers[0]?.url ?? ''}${exampleAddress(document, call)}`;
  const body = exampleBody(document, call);
  const lines = [`curl${call.method === 'get' ? '' : ` -X ${call.method.toUpperCase()}`} '${address}'`];
  if (body !== undefined) lines.push(`-H 'content-type: application/json'`);
  if (call.parameters?.some(({ name }) => name === 'idempotency-key')) lines.push(`-H 'idempotency-key: desk-7f3a9c41'`);
  if (body !== undefined) lines.push(`-d '${JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`)}'`);
  return lines.join(' \\\n  ');
}

/** An address that a narrow screen may break after a slash. */
function breakable(path: string): Html {
  return html`${path.split('/').map((part, index) => [index > 0 && html`/<wbr />`, part])}`;
}
