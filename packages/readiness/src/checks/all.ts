import type { Check } from '../check.ts';
import { duplicateKeys } from './env/duplicate-keys.ts';
import { envFiles } from './env/files.ts';
import { secretsCommitted } from './env/secrets-committed.ts';
import { socket } from './env/socket.ts';
import { tls } from './env/tls.ts';
import { weakSecret } from './env/weak-secret.ts';
import { budget } from './pool/budget.ts';
import { connectTimeout } from './pool/connect-timeout.ts';
import { duplicateClient } from './pool/duplicate-client.ts';
import { duplicateShutdown } from './pool/duplicate-shutdown.ts';
import { limit } from './pool/limit.ts';
import { shutdown } from './pool/shutdown.ts';
import { singleton } from './pool/singleton.ts';
import { waitTimeout } from './pool/wait-timeout.ts';

/** Every check, in the order of the report. */
export const CHECKS: Check[] = [
  singleton,
  duplicateClient,
  limit,
  waitTimeout,
  connectTimeout,
  budget,
  shutdown,
  duplicateShutdown,
  duplicateKeys,
  secretsCommitted,
  envFiles,
  tls,
  socket,
  weakSecret,
];
