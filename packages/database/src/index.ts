export { insertRows, type BatchRow } from './batch.ts';
export { bulkLoad, type CopyRows } from './bulk-load.ts';
export { KeysNotLoaded, UnreadableValue, type Place } from './ciphers.ts';
export { ANNOUNCED_SECONDS, createCodec, insertDataKeys, NO_ORGANIZATION, type Codec, type NewKey } from './codec.ts';
export { TABLES } from './column-classes.ts';
export {
  destroyDataKey,
  listKeyHolders,
  readDataKeys,
  rewrapDataKeys,
  rotateDataKey,
  shredOrganization,
  type DataKeyState,
} from './data-keys.ts';
export { openDatabase, Prisma, type Database, type DatabaseOptions, type Tx } from './database.ts';
export { handleDatabaseError, type DatabaseErrorKind, type DatabaseErrorReport } from './errors.ts';
export type { DatabaseHealth } from './health.ts';
export { assertKeysFit } from './key-check.ts';
export { keyRingFromFile, keyRingOf, type KeyRing } from './keys.ts';
export { keyset, MAX_PAGE, rowsOf, toPage, type Page, type PageRequest } from './pagination.ts';
export { SilentRollback } from './client.ts';
export { type PoolObserver } from './client.ts';
export { GuardedPool, PoolTimeout, type PoolClient } from './pool.ts';
export { resealOrganization } from './reseal.ts';
export type { Session } from './session.ts';
export { DEFAULT_POOL, signInOf, TIMEOUTS, type DatabaseSettings } from './settings.ts';
export { sql, type SqlText } from './sql.ts';
export { parseDatabaseUrl, type ParsedUrl } from './url.ts';
export { addressOf, ringWrapping, WrappingAway, WrongWrapping, type Wrapping } from './wrapping.ts';
