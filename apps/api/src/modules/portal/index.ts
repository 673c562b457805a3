export { portalJobs } from './jobs.ts';
export { portalRoutes } from './routes.ts';
export { findSignedInPatient } from './service/session.ts';
