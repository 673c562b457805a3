// What tests of every package and of the repository's tasks use. It knows the database and no application.
export { connect, lockTable, runAs } from './connections.ts';
export { copiesOf, createLoneDatabase, createTestDatabase, type TestDatabase } from './database.ts';
export { eventually } from './eventually.ts';
export { aClinic, aNewProvider, aPatient, aProvider, arrange, NOW, sessionIn, type Clinic, type ClinicOptions } from './factories.ts';
export { aFolder } from './folder.ts';
export { footprintOf, writesOf } from './footprint.ts';
export { aFullClinic } from './full-clinic.ts';
export { TEST_KEY, testCodec, testWrapping } from './keys.ts';
export { startOwnServer, type OwnServer } from './own-server.ts';
export { launcher, patientsAt, run, served, signedInAsPrinted, type Started } from './processes.ts';
export { trees } from './trees.ts';
