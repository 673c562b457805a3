export { fillPracticeData, type Filled, type Progress } from './fill.ts';
export { generatePracticeData, PRACTICE_ORGANIZATION_ID } from './generate.ts';
export { PRACTICE_OWNER_ID, PRACTICE_PEOPLE, type PracticePerson } from './people.ts';
export { Chance } from './random.ts';
export { beginPracticeSession, type SessionHeaders } from './session.ts';
export { SIZES, type Size } from './sizes.ts';
