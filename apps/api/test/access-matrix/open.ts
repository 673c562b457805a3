import type { ProblemDocument } from '@medspa/contracts';
import { NOW } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import type { Call } from '../../src/platform/documentation/openapi.ts';
import { testApp } from '../harness.ts';
import { idPlaces, withValue } from '../places.ts';
import { exampleRequest, type ValidRequest } from '../requests.ts';
import type { ActorClass } from './actors.ts';
import { askerOf } from './cases.ts';
import { idsShown, type Cell } from './matrix.ts';
import type { World } from './world.ts';

// Operations that are open to anybody. Asked with what proves nothing they say the same to everybody, of every organization.

/** What each answers to whoever proves nothing; and, where that is something else, for an organization that there is not. */
const ANSWERS: Record<string, { proved: string; nowhere?: string }> = {
  'POST /v1/setup': { proved: 'setup-code-refused' },
  'POST /v1/session': { proved: 'wrong-credentials' },
  'POST /v1/session/passkey/options': { proved: '201' },
  'POST /v1/session/passkey': { proved: 'passkey-refused' },
  'POST /v1/session/provider': { proved: 'not-found' },
  'POST /v1/session/provider/return': { proved: 'not-found' },
  'POST /v1/session/firebase': { proved: 'not-found' },
  'POST /v1/password-resets': { proved: '202' },
  'POST /v1/password-resets/passkey-options': { proved: 'reset-refused' },
  'POST /v1/password-resets/confirmation': { proved: 'reset-refused' },
  'POST /v1/invitations/acceptance': { proved: 'invitation-refused' },
  'POST /v1/device': { proved: 'enrolment-refused' },
  'POST /v1/portal/sign-ins': { proved: '202', nowhere: 'not-found' },
  'POST /v1/portal/session': { proved: 'code-refused' },
  'POST /v1/portal/session/passkey/options': { proved: '201' },
  'POST /v1/portal/session/passkey': { proved: 'passkey-refused' },
};

/** Asks all of them as everybody who sends something of their own; throws where one has no answer above. */
export async function runOpen(world: World, actors: readonly ActorClass[], operations: ReadonlyMap<string, Call>): Promise<Cell[]> {
  const t = await world.copy();
  try {
    const app = testApp(t.database, { as: 'session', now: () => NOW });
    const cells: Cell[] = [];
    for (const [operation, call] of operations) {
      const known = ANSWERS[operation];
      if (!known) throw new Error(`There is no answer for ${operation}.`);
      const first = new Map<string, string>();
      for (const actor of actors.filter(({ isFound }) => isFound)) {
        for (const [relation, request, expected] of requestsOf(world, call, known)) {
          const { headers } = askerOf(world, operation, actor);
          const { method, path, body } = unheardOf(request);
          const answer = await app.send<ProblemDocument>(method, path, body, headers);
          const got = answer.status < 300 ? String(answer.status) : (answer.body.slug ?? String(answer.status));
          // What each site may read of it is in its headers.
          const facts = answer.status < 300 ? got : answer.text.replace(/"requestId":"[^"]+"/, '');
          const alike = expected === 'invalid-request' ? relation : expected;
          const isTold = facts !== (first.get(alike) ?? facts);
          first.set(alike, facts);
          const shown = idsShown(answer, request).filter((id) => world.owners.has(id));
          const isLeak = isTold || shown.length > 0;
          cells.push({ operation, actor: actor.name, relation, expected, got, isWrong: isLeak || got !== expected, isLeak });
        }
      }
    }
    return cells;
  } finally {
    await t.drop();
  }
}

/** The example of the documentation about each organization, and none; and each id malformed. */
function requestsOf(
  { own, foreign }: World,
  call: Call,
  { proved, nowhere = proved }: { proved: string; nowhere?: string },
): [relation: string, request: ValidRequest, expected: string][] {
  const example = exampleRequest(call);
  const malformed = idPlaces(call).map((place): [string, ValidRequest, string] => [
    `malformed id, ${place}`,
    withValue(example, place, 'not-an-id'),
    `invalid-request`,
  ]);
  if (!idPlaces(call).includes('body/organizationId')) return [['nothing proved', example, proved], ...malformed];
  const of = (organizationId: string) => withValue(example, 'body/organizationId', organizationId);
  return [
    ['nothing proved, own organization', of(own.clinic.organizationId), proved],
    ['nothing proved, other tenant', of(foreign.clinic.organizationId), proved],
    ['nothing proved, missing id', of(newId()), nowhere],
    ...malformed,
  ];
}

/** With an address that nobody has and nobody tried, so that no request is the one too many. */
function unheardOf(request: ValidRequest): ValidRequest {
  const address = `${newId()}@clinic.example`;
  const field = ['email', 'address'].find((one) => request.body?.[one] !== undefined);
  return field === undefined ? request : withValue(request, `body/${field}`, address);
}
