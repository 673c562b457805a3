export { fillPracticeData } from './fill.ts';
export { generatePracticeData, PRACTICE_ORGANIZATION_ID, PRACTICE_OWNER_ID, type PracticeData, type Size } from './generate.ts';
export { Chance } from './random.ts';
