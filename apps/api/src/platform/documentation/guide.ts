import { html, type Html } from './html.ts';
import { sample } from './call.ts';

/** Stands where a reader puts their own. */
export const PASTED_PASSWORD = 'PASTE THE PRACTICE PASSWORD HERE';

/** From nothing to a booked visit, as one paste into a shell; `documentation.test.ts` runs it. */
export function firstVisit(api: string): { title: string; says: string; commands: string }[] {
  return [
    {
      title: 'Sign in',
      says: 'The session is a cookie, which curl keeps in a file. A change that comes with it also says that it is no other site that asks.',
      commands: `api=${api}/v1
password='${PASTED_PASSWORD}'
curl -sSf -c cookies "$api/session" -H 'content-type: application/json' \\
  -d "{ \\"email\\": \\"owner@clinic.example\\", \\"password\\": \\"$password\\" }" > signed-in.json
signed_in() { curl -s -b cookies -H 'sec-fetch-site: same-origin' "$@"; }`,
    },
    {
      title: 'Know where and what',
      says: 'Ids come from the lists. The function takes one value out of an answer, with the Node that is there anyway.',
      commands: `pick() { node -p "JSON.parse(require('fs').readFileSync(0)).$1"; }

location=$(signed_in "$api/locations" | pick 'items[0].id')
service=$(signed_in "$api/services" | pick 'items[0].id')
patient=$(signed_in "$api/patients" | pick 'items[0].id')`,
    },
    {
      title: 'Find a slot',
      says: 'Open starts of a service over the coming week, per provider who performs it.',
      commands: `open=$(signed_in "$api/availability?locationId=$location&serviceId=$service")

provider=$(echo "$open" | pick 'providers.find((p) => p.starts.length > 0).providerId')
start=$(echo "$open" | pick 'providers.find((p) => p.starts.length > 0).starts[0]')`,
    },
    {
      title: 'Book it',
      says: 'Sent twice with the same key it books once. Should somebody be faster, the answer is a refusal with three other times.',
      commands: `signed_in -X POST "$api/appointments" \\
  -H 'content-type: application/json' \\
  -H "idempotency-key: first-visit-$start" \\
  -d "{
    \\"locationId\\": \\"$location\\",
    \\"patientId\\": \\"$patient\\",
    \\"startsAt\\": \\"$start\\",
    \\"services\\": [{ \\"serviceId\\": \\"$service\\", \\"providerId\\": \\"$provider\\" }]
  }"`,
    },
    {
      title: 'Show the day',
      says: 'Everything at the location on that day of its calendar, in order of time.',
      commands: `zone=$(signed_in "$api/locations/$location" | pick timeZone)
date=$(node -p "new Date('$start').toLocaleDateString('en-CA', { timeZone: '$zone' })")

signed_in "$api/locations/$location/day?date=$date"`,
    },
  ];
}

/** The calls that everybody needs first. */
export function beginSection(api: string): Html {
  return html`<section id="begin" aria-labelledby="begin-title">
    <h2 id="begin-title">Begin</h2>
    <p>
      Sign in, find a slot, book it, show the day. The commands can be pasted as they are, but for the password, which
      <code>npm start</code> prints for its practice clinic.
    </p>
    <ol class="steps">
      ${firstVisit(api).map(
        ({ title, says, commands }) =>
          html`<li>
            <h3>${title}</h3>
            <p>${says}</p>
            ${sample('Shell', commands)}
          </li> `,
      )}
    </ol>
  </section> `;
}

/** What holds for every call. */
export function conventionsSection(): Html {
  return html`<section id="conventions" aria-labelledby="conventions-title">
    <h2 id="conventions-title">What holds everywhere</h2>
    <dl class="conventions">
      <dt>Refusals</dt>
      <dd>
        Every refusal is a <a href="#object-Problem">problem document</a> (RFC 9457, <code>application/problem+json</code>). Its
        <code>slug</code> never changes its name, its <code>type</code> leads to the <a href="#problems">explanation on this page</a>, and
        <code>errors</code> points at the place. Every answer carries an <code>x-request-id</code>, under which the log knows it.
      </dd>
      <dt>Asking twice</dt>
      <dd>
        A request with an <code>Idempotency-Key</code> happens once: sent again with the same body within 24 hours it gives the same answer.
        Send one with everything that you might have to repeat.
      </dd>
      <dt>Fields</dt>
      <dd>
        Some fields take a permission beside that of the call. Whoever lacks it gets an answer without the field, and is refused with its
        place when they send one: <a href="#problem-not-permitted"><code>not-permitted</code></a
        >.
      </dd>
      <dt>Changing</dt>
      <dd>
        A change names the <code>version</code> that you read. If somebody was faster it is refused as
        <a href="#problem-stale-version">stale</a>, and nobody's work is lost.
      </dd>
      <dt>Lists</dt>
      <dd>
        Lists give pages of up to 100. Ask for the next one with <code>cursor</code>, the <code>nextCursor</code> of the page before; on the
        last page it is null.
      </dd>
      <dt>Times</dt>
      <dd>
        Instants are ISO 8601 with an offset. Days and wall times are those of the location. A visit can be booked at a local time without
        an offset, <code>2026-03-02T10:00</code>; one that the clocks skip or repeat is refused.
      </dd>
      <dt>Money</dt>
      <dd>Amounts are whole minor units with their currency: <code>{ "amount": 42000, "currency": "USD" }</code> is 420 dollars.</dd>
      <dt>Limits</dt>
      <dd>
        A body has up to a million bytes of JSON, without keys that are not documented. An answer that takes longer than 15 seconds is given
        up. Under too much load a request is refused at once, with <code>Retry-After</code>.
      </dd>
    </dl>
  </section> `;
}
