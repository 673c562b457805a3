export { identityJobs } from './jobs.ts';
export { identityRoutes } from './routes.ts';
export { federatedRoutes } from './routes/federated.ts';
export { passkeyRoutes } from './routes/passkeys.ts';
export { resetRoutes } from './routes/password-reset.ts';
export { signInRoutes } from './routes/sign-in.ts';
export { getCountries, getLegalEntityCurrency, getLocationZone, getPlace, hasProvider } from './service.ts';
export { letPracticePeopleIn } from './service/practice.ts';
export { findSignedIn, ownerOf } from './service/session.ts';
