export { portalJobs } from './jobs.ts';
export { portalRoutes } from './routes.ts';
export { portalPasskeyRoutes } from './routes/passkeys.ts';
export { findSignedInPatient } from './service/session.ts';
