export { identityJobs, watchReviews } from './jobs.ts';
export { identityRoutes } from './routes.ts';
export { emergencyRoutes } from './routes/emergency.ts';
export { passkeyRoutes } from './routes/passkeys.ts';
export { resetRoutes } from './routes/password-reset.ts';
export { signInRoutes } from './routes/sign-in.ts';
export { getCountries, getLegalEntityCurrency, getLocationZone, getPlace, hasProvider } from './service.ts';
export { findSignedIn, type SignInParts } from './service/session.ts';
