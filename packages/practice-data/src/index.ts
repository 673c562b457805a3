export { fillPracticeData, type Filled, type Progress } from './fill.ts';
export { generatePracticeData, PRACTICE_ORGANIZATION_ID, PRACTICE_OWNER_ID } from './generate.ts';
export { Chance } from './random.ts';
export { SIZES, type Size } from './sizes.ts';
