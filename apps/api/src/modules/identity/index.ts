export { identityJobs } from './jobs.ts';
export { identityRoutes } from './routes.ts';
export { emergencyRoutes } from './routes/emergency.ts';
export { signInRoutes } from './routes/sign-in.ts';
export { getCountries, getLegalEntityCurrency, getLocationZone, getPlace, hasProvider } from './service.ts';
export { findSignedIn, type SignInParts } from './service/session.ts';
