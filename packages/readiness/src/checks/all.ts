import type { Check } from '../check.ts';
import { duplicateClient } from './pool/duplicate-client.ts';

/** Every check, in the order of the report. */
export const CHECKS: Check[] = [duplicateClient];
