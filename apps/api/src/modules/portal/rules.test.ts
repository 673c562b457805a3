import { describe, expect, test } from 'vitest';
import { whoSignsIn, type Reached } from './rules.ts';

const person = (id: string, birthDate: string | null, isOfAge = true): Reached => ({ id, birthDate, isOfAge });
const [ann, bob, kid] = [person('ann', '1980-05-01'), person('bob', '1982-06-02'), person('kid', '2015-01-01', false)];

describe('who signs in with a right code', () => {
  test.each<[string, Reached[], string | undefined, ReturnType<typeof whoSignsIn>]>([
    ['nobody has the address', [], undefined, 'code-refused'],
    ['one has it', [ann], undefined, { id: 'ann' }],
    ['one has it and says another birth date', [ann], '1999-01-01', 'code-refused'],
    ['one has it whose birth date is not known', [person('x', null)], undefined, { id: 'x' }],
    ['several have it and none is named', [ann, bob], undefined, 'birth-date-required'],
    ['several have it and one is named', [ann, bob], '1982-06-02', { id: 'bob' }],
    ['several have it and nobody is meant', [ann, bob], '1999-01-01', 'code-refused'],
    ['two are alike in both', [ann, person('twin', '1980-05-01')], '1980-05-01', 'person-not-clear'],
    ['a parent shares it with a child and is meant', [ann, kid], '1980-05-01', { id: 'ann' }],
    ['a parent shares it with a child and the child is meant', [ann, kid], '2015-01-01', 'not-of-age'],
    ['a child has it alone', [kid], undefined, 'not-of-age'],
    ['several have it whose birth dates are not known', [person('x', null), person('y', null)], '1980-05-01', 'code-refused'],
  ])('where %s', (_, reached, birthDate, answer) => {
    expect(whoSignsIn(reached, birthDate)).toEqual(answer);
  });
});
