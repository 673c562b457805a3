import type { Check } from '../check.ts';
import { endpoints } from './health/endpoints.ts';
import { liveness } from './health/liveness.ts';
import { readiness } from './health/readiness.ts';
import { errorFormat } from './log/error-format.ts';
import { levels } from './log/levels.ts';
import { duplicateClient } from './pool/duplicate-client.ts';

/** Every check, in the order of the report. */
export const CHECKS: Check[] = [duplicateClient, levels, errorFormat, readiness, liveness, endpoints];
