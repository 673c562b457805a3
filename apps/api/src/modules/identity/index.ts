export { identityJobs } from './jobs.ts';
export { identityRoutes } from './routes.ts';
export { accessRoutes } from './routes/access.ts';
export { passkeyRoutes } from './routes/passkeys.ts';
export { resetRoutes } from './routes/password-reset.ts';
export { signInRoutes } from './routes/sign-in.ts';
export { findProviderOf, getCountries, getLegalEntityCurrency, getLocationZone, getPlace, hasProvider } from './service.ts';
export { offBoard } from './service/leaving.ts';
export { findSignedIn, type SignInParts } from './service/session.ts';
