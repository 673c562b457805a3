export { findDrift, readCatalog } from './catalog.ts';
export { readMigrations } from './files.ts';
export { deployMigrations, migrationStatus, type MigrationStatus } from './deploy.ts';
export { missingMigration, writeMigration, writeSnapshot } from './draft.ts';
export { setUpDatabase } from './setup.ts';
export { hasNoOrganization, issueSetupCode } from './setup-code.ts';
