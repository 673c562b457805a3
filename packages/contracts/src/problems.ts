import { z } from 'zod';

/**
 * Every way in which a request can be refused. The slug is public API: it is never renamed. Titles are constants, so no
 * answer can carry a person's data.
 */
export const PROBLEMS = {
  'malformed-body': { status: 400, title: 'The body is not valid JSON.' },
  'invalid-request': { status: 400, title: 'The request does not have the documented form.' },
  'not-authenticated': { status: 401, title: 'Sign in first.' },
  'wrong-credentials': { status: 401, title: 'E-mail address, password or code is not right.' },
  'wrong-id-token': { status: 401, title: 'What the identity provider said is not right, or too old. Sign in with it again.' },
  'second-factor-required': {
    status: 401,
    title: 'A second factor is needed as well: the code of the authenticator app, a recovery code, or a passkey.',
  },
  'provider-sign-in-required': {
    status: 401,
    title: 'Your second factor is with your identity provider: sign in with it.',
  },
  'passkey-refused': {
    status: 401,
    title: 'This passkey proves nothing here: it is not known, or it signed what was not asked, or too late.',
  },
  'code-refused': { status: 401, title: 'The code or link is not right, was used, or its time is over.' },
  'birth-date-required': { status: 401, title: 'The birth date is needed as well.' },
  'step-up-required': { status: 403, title: 'Prove again who you are, by password and second factor.' },
  'enrol-second-factor': {
    status: 403,
    title: 'Set up an authenticator app or a passkey first: until then only your own account is open.',
  },
  'reset-refused': { status: 403, title: 'There is no such link, or it was used, or its time is over. Ask for a new one.' },
  'sign-in-stopped': { status: 403, title: 'Too many wrong passwords. Whoever runs the service opens this account again.' },
  'setup-code-refused': { status: 403, title: 'There is no such setup code, or it was used, or its time is over.' },
  'person-unknown': { status: 403, title: 'The identity provider knows you, and nobody with your verified address has an account here.' },
  'invitation-refused': { status: 403, title: 'There is no such invitation, or it was used or withdrawn, or its time is over.' },
  'beyond-own-access': { status: 403, title: 'Nobody gives, takes or decides over more than they may do themselves.' },
  'enrolment-refused': { status: 403, title: 'There is no such enrolment code, or it was used, or its time is over.' },
  'full-sign-in-required': { status: 403, title: 'Sign in on this device with password and second factor first.' },
  'wrong-pin': { status: 401, title: 'The PIN is not right.' },
  'not-permitted': { status: 403, title: 'You may not do this.' },
  'person-not-clear': { status: 403, title: 'The clinic cannot tell from this who you are. Ask it to enter an address of your own.' },
  'not-of-age': { status: 403, title: 'Who is not of age does not sign in; a parent or guardian does whom the clinic lets act for them.' },
  'address-is-theirs': { status: 403, title: 'The address by which somebody signs in is changed by themselves or by the clinic.' },
  'origin-refused': { status: 403, title: 'This site may not call the service.' },
  'not-found': { status: 404, title: 'There is no such thing, or not for you.' },
  'no-such-visit': { status: 404, title: 'No visit of today was found with that. Please ask at the desk.' },
  'method-not-allowed': { status: 405, title: 'This address does not answer that method.' },
  'already-exists': { status: 409, title: 'This already exists.' },
  'still-referred-to': { status: 409, title: 'Something it refers to does not exist, or something still refers to it.' },
  overlaps: { status: 409, title: 'This overlaps with something that exists.' },
  'stale-version': { status: 409, title: 'Somebody changed it since you read it. Read it again.' },
  'wrong-status': { status: 409, title: 'Its status does not allow this.' },
  'slot-taken': { status: 409, title: 'That time has just been taken.' },
  'last-owner': { status: 409, title: 'An organization keeps an owner who is active.' },
  'mail-not-configured': { status: 409, title: 'No e-mail is sent from here.' },
  'second-factor-missing': { status: 409, title: 'No second factor of that kind is set up.' },
  'not-a-shared-device': { status: 409, title: 'This is done on a shared device of the clinic only.' },
  'body-too-large': { status: 413, title: 'The body is too large.' },
  'unsupported-media-type': { status: 415, title: 'Send the body as application/json.' },
  'rule-violated': { status: 422, title: 'A rule of the data does not allow this.' },
  'idempotency-key-reused': { status: 422, title: 'This Idempotency-Key was used for another request.' },
  'local-time-skipped': { status: 422, title: 'The clocks go forward over this local time; it does not exist.' },
  'local-time-repeated': { status: 422, title: 'The clocks go back over this local time; give it with its offset.' },
  'in-the-past': { status: 422, title: 'This day is over at the location.' },
  'in-the-future': { status: 422, title: 'This day is yet to come.' },
  'too-early': { status: 422, title: 'The visit has not come to that yet: its day, or its start, is ahead.' },
  'staff-inactive': { status: 422, title: 'The staff member is not active.' },
  'address-missing': { status: 422, title: 'The staff member has no e-mail address.' },
  'patient-inactive': { status: 422, title: 'The patient is not active.' },
  'location-inactive': { status: 422, title: 'The location is not active.' },
  'service-not-offered': { status: 422, title: 'The service is not offered on that date.' },
  'provider-not-qualified': { status: 422, title: 'The provider does not perform this service.' },
  'provider-not-working': { status: 422, title: 'The provider does not work there at that time.' },
  'room-unsuitable': { status: 422, title: 'The room is not of the kind that the service needs, elsewhere, or not in use.' },
  'template-refused': { status: 422, title: 'The words are not ones that may be sent.' },
  'password-too-short': { status: 422, title: 'A password has at least 15 characters, or 8 beside a second factor.' },
  'password-too-common': { status: 422, title: 'This password is one that many people use, or is easily guessed.' },
  'not-related': { status: 422, title: 'They are not related in a way that lets one stand in for the other.' },
  'birth-date-missing': { status: 422, title: 'Without a birth date nobody can say whether the patient is of age.' },
  'end-required': { status: 422, title: 'Standing in for somebody who is of age needs an end.' },
  'pin-too-common': { status: 422, title: 'This PIN is one that many people choose.' },
  'beyond-own-permissions': { status: 422, title: 'Nobody gives a key what they may not do themselves.' },
  'wrong-code': { status: 422, title: 'The code is not right. Is the clock of the phone?' },
  'too-many-requests': { status: 429, title: 'Too many requests. Wait before the next one.' },
  'passkey-unusable': {
    status: 422,
    title: 'This passkey cannot be added: it is of another site, does not ask for a finger or a code, or came too late.',
  },
  'reset-paused': { status: 429, title: 'Links for this address were asked for too often. Wait before the next one.' },
  'sign-in-paused': { status: 429, title: 'Too many wrong passwords. Wait before the next one.' },
  'code-paused': { status: 429, title: 'Codes were sent to this address too often. Wait before the next one.' },
  'too-many-tries': { status: 429, title: 'Too many tries on this device. Please ask at the desk.' },
  internal: { status: 500, title: 'Something went wrong on our side.' },
  overloaded: { status: 503, title: 'Too much is going on; try again in a moment.' },
  'provider-unavailable': { status: 503, title: 'The identity provider does not answer. Try again, or sign in with your password.' },
  unavailable: { status: 503, title: 'The service cannot reach its database; try again in a moment.' },
  'too-slow': { status: 504, title: 'The answer took too long.' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemSlug = keyof typeof PROBLEMS;

/** One thing that is wrong, and where: a JSON pointer into the body, or the name of a parameter or header. */
export const ProblemError = z.object({
  in: z.enum(['body', 'query', 'path', 'header']),
  pointer: z.string().describe('JSON pointer into the body (`/services/0/serviceId`), or the name of the parameter'),
  detail: z.string(),
});
export type ProblemError = z.infer<typeof ProblemError>;

/** RFC 9457, as application/problem+json. */
export const ProblemDocument = z
  .object({
    type: z.string().describe('address of the documentation of this problem'),
    title: z.string(),
    status: z.int(),
    slug: z.string().describe('stable name of the problem'),
    requestId: z.string(),
    errors: z.array(ProblemError).optional(),
    version: z.int().optional().describe('of `stale-version`: the current version'),
    retryAfterSeconds: z
      .int()
      .optional()
      .describe('of `too-many-requests`, `too-many-tries`, `sign-in-paused`, `reset-paused` and `code-paused`: how long to wait'),
    currentStatus: z.string().optional().describe('of `wrong-status`: the status it has'),
    busy: z.array(z.string()).optional().describe('of `slot-taken`: the kinds of resource in the way'),
    alternatives: z
      .array(z.object({ startsAt: z.string(), services: z.array(z.object({ serviceId: z.string(), providerId: z.string() })) }))
      .optional()
      .describe(
        'of `slot-taken` and `provider-not-working`: up to three open times, each in any suitable room; also the wanted time, when only the room that was named is taken',
      ),
  })
  .meta({ id: 'Problem' });
export type ProblemDocument = z.infer<typeof ProblemDocument>;
