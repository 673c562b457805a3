import { PROBLEMS, type ProblemSlug } from '@medspa/contracts';
import { EVERYWHERE, WITH_BODY } from '../http.ts';
import { html, prose, type Html } from './html.ts';
import { problemsOf, type Call } from './openapi.ts';

/** What a client should make of each refusal. */
const WHAT_TO_DO: Record<ProblemSlug, string> = {
  'malformed-body':
    'The body could not be read as JSON in UTF-8, gives a key twice, or nests too deep. Nothing was done; send it again in good form.',
  'invalid-request':
    '`errors` names each place and what is wrong with it. Keys that are not documented are refused, so that a misspelt one is not silently ignored.',
  'not-authenticated': 'The request does not say who sends it.',
  'wrong-credentials':
    'Which of the three is wrong is not said, nor whether anybody has the address. People of two organizations name theirs.',
  'wrong-id-token':
    'The ID token is of another issuer or audience, not signed by it, too old, or of another attempt to sign in. Which of these is not said.',
  'person-unknown':
    'Accounts are made here, not by the provider. The first time it must say that the address is verified, and the address must be that of the account; from then on its subject decides.',
  'provider-unavailable': 'The provider, or its keys, could not be asked. Nothing was done.',
  'second-factor-required':
    'The password, or the link, was right. Send it again with `code`: six digits of the app, or a recovery code. A passkey signs in by itself.',
  'provider-sign-in-required':
    'The password, or the link, was right, and the only second factor of its person is with their provider: `POST /v1/session/provider`.',
  'passkey-refused':
    'Why is not said. Ask for options again and show another passkey; what was signed is good once, within five minutes, for what it was asked for.',
  'code-refused':
    'Which of them it is is not said, nor whether anybody has the address. Five tries are what a code is good for; ask for another.',
  'birth-date-required': 'The code was right, and several patients have the address. Send it again with `birthDate`.',
  'step-up-required': 'What cannot be taken back, or gives access, wants a proof of the last five minutes: `POST /v1/session/step-up`.',
  'enrol-second-factor':
    'The session is good, and its person has no second factor: begin with `POST /v1/session/totp` or `POST /v1/passkeys/options`.',
  'reset-refused':
    'A link works once and for half an hour, and only the last one that was sent. Ask for another: `POST /v1/password-resets`.',
  'sign-in-stopped': 'A hundred wrong passwords in a row. Whoever runs the database opens the address again (README of identity).',
  'setup-code-refused': 'A code works once and for a day. Whoever runs the service prints another: `npm run setup-code`.',
  'invitation-refused':
    'An invitation works once, for a week, and as long as whoever sent it could still give what its person is given. Ask for another.',
  'beyond-own-access':
    'A role is given, taken, made or changed by people who hold all of it, at least where it holds; and so it is with the address, the invitation and the off-boarding of somebody.',
  'enrolment-refused': 'A code works once and for ten minutes. Make the device anew: `POST /v1/devices`.',
  'full-sign-in-required':
    'A PIN lets back in who signed in on this very device in the last twelve hours, chose a PIN, and did not type it wrong five times. Sign in: `POST /v1/session`.',
  'wrong-pin': 'Five wrong ones in a row, and the person signs in anew.',
  'not-permitted': 'The person who asks lacks the permission for this. Asking again does not help.',
  'person-not-clear': 'The code was right, and two people with the address have the same birth date.',
  'not-of-age': 'The code was right, and is for somebody under 18. Staff say who acts for them: `POST /v1/patients/{id}/proxies`.',
  'address-is-theirs': 'Leave `phone` and `email` out: codes to sign in with go there.',
  'origin-refused':
    'The page that sent the request is not on the list of origins that may (`CORS_ORIGINS`), or a change came with a session and without an Origin.',
  'not-found':
    'The address or the id in it is unknown. What belongs to another organization is answered alike. In the body, `errors` names the reference that leads nowhere.',
  'no-such-visit':
    'A kiosk tells of one visit of today at its location, to whoever gives the name with birth date or phone as the clinic has them. Anything else has this answer.',
  'method-not-allowed': 'The header `Allow` lists the methods that the address answers.',
  'already-exists': 'Another row has the value that must be unique; `errors` names the field.',
  'still-referred-to': 'Something else refers to it, so it cannot go.',
  overlaps: 'Versions, prices and rotations follow one another; the dates given reach into another one.',
  'stale-version': 'Somebody changed it after you read it. `version` is the one it has now: read it again, and decide again.',
  'wrong-status': '`currentStatus` is the status that it has, from which this step does not lead on.',
  'slot-taken':
    '`busy` says what is taken (provider, room or patient), and `alternatives` offers up to three open times that can be booked as they stand, in whichever suitable room is free.',
  'last-owner': 'Make somebody else an owner first, everywhere, who is active.',
  'mail-not-configured': 'Have the link shown, with `delivery: link`, or configure a mail server.',
  'second-factor-missing': 'Begin with `POST /v1/session/totp`, or with `POST /v1/passkeys/options`.',
  'not-a-shared-device': 'The session was not begun on a device that is enrolled as shared.',
  'body-too-large': 'A body may have a million bytes. Import in smaller parts.',
  'unsupported-media-type': 'Send `content-type: application/json`.',
  'rule-violated': 'The values are readable, but a rule forbids them together; `errors` names the field where one is at fault.',
  'idempotency-key-reused': 'The key belongs to an earlier request with another body. A new request takes a new key.',
  'local-time-skipped': 'On that night the clocks jump over this time. Choose another, or give an instant.',
  'local-time-repeated': 'On that night this local time comes twice. Give the offset, as in `2026-11-01T01:30:00-04:00`.',
  'in-the-past': 'Past days do not change. At the location it is already later.',
  'in-the-future': 'A birth or a death is written down once it has happened; the day is that of the latest place on earth.',
  'too-early':
    'Nobody arrives before the local day of the visit, and nobody fails to come before its start. A visit that is to end earlier is cancelled.',
  'address-missing': 'Give them one first: it is what they sign in with.',
  'patient-inactive': 'The patient is marked inactive, deceased or merged into another.',
  'staff-inactive': 'Make the staff member active first, or choose another.',
  'location-inactive': 'The location is closed.',
  'service-not-offered': 'The service is retired, or has no terms on that date.',
  'provider-not-qualified': 'Let the provider perform the service first, or choose another.',
  'provider-not-working': 'No shift of the provider covers the whole time there. `alternatives` offers open times.',
  'room-unsuitable': 'The room is of another kind, at another location, or out of use.',
  'template-refused':
    'Messages travel in the clear and light up on locked screens. `errors` names each place that says too much, is unknown, or is too long.',
  'password-too-short':
    'Length is what makes a password strong: several words are easy to keep. There is no other rule of what it contains.',
  'password-too-common':
    'It is on the list of what people choose most, repeats one piece, runs along letters or digits, or is made of names in the account.',
  'not-related':
    'For a minor: a parent or guardian. For somebody of age: anybody related to them. Say so first: `POST /v1/patients/{id}/relations`.',
  'birth-date-missing': 'Enter the birth date of the patient first.',
  'end-required': 'Give `endsAt`: until when the patient has agreed.',
  'pin-too-common': 'Rows, repetitions, dates and other favourites are guessed first. Choose six digits that make no pattern.',
  'beyond-own-permissions': '`errors` names the place. A key may do less than whoever makes it, or as much.',
  'wrong-code': 'Take the six digits that the app shows now. Each works once.',
  'too-many-requests':
    'Wait as long as `retryAfterSeconds` and the header Retry-After say, and send it again. Each operation has its share.',
  'passkey-unusable': 'Ask for options again, on a page of the service or of its application, and on a device that asks who holds it.',
  'reset-paused': 'Three an hour are sent to an address, whether anybody has it or not. `retryAfterSeconds` says how long.',
  'sign-in-paused': '`retryAfterSeconds` says how long; each further wrong one takes longer, up to a quarter of an hour.',
  'code-paused': '`retryAfterSeconds` says how long. The last message may be on its way: look there first.',
  'too-many-tries': 'Five misses in a quarter of an hour. `retryAfterSeconds` says how long until the next try.',
  internal: 'A fault of the service. It is logged under the `requestId`; nothing was written.',
  overloaded:
    'The service sheds load, or somebody else works on the same row. Wait for the seconds of `Retry-After`, then send the same request again.',
  unavailable: 'Wait for the seconds of `Retry-After`, then send the same request again, with the same `Idempotency-Key`.',
  'too-slow': 'The time limit ran out. Send the same request again with the same `Idempotency-Key`: if it was done, you get its answer.',
};

/** Every way to be refused, at the address to which `type` of a problem document leads. */
export function problemSections(calls: Call[]): Html {
  return html`${(Object.keys(PROBLEMS) as ProblemSlug[]).map((slug) => problemSection(slug, calls))}`;
}

function problemSection(slug: ProblemSlug, calls: Call[]): Html {
  const { status, title } = PROBLEMS[slug];
  const givers = calls.filter((call) => problemsOf(call).includes(slug));
  const isShared = [...EVERYWHERE, ...WITH_BODY].includes(slug);
  return html`<section class="problem" id="problem-${slug}">
    <h3><a href="#problem-${slug}">${slug}</a> <span class="status">${status}</span></h3>
    <p class="says">${title}</p>
    <p>${prose(WHAT_TO_DO[slug])}</p>
    ${!isShared && givers.length > 0 && giversOf(givers)}
  </section> `;
}

function giversOf(givers: Call[]): Html {
  const links = givers.map((call, index) => [index > 0 && ', ', html`<a href="#${call.anchor}">${call.summary}</a>`]);
  if (givers.length <= 6) return html`<p class="givers">Given by ${links}.</p> `;
  return html`<details class="givers">
    <summary>Given by ${givers.length} calls</summary>
    <p>${links}</p>
  </details> `;
}
