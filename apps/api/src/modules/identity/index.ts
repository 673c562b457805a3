export { identityJobs } from './jobs.ts';
export { identityRoutes } from './routes.ts';
export { apiKeyRoutes } from './routes/api-keys.ts';
export { deviceRoutes } from './routes/devices.ts';
export { signInRoutes } from './routes/sign-in.ts';
export { getCountries, getLegalEntityCurrency, getLocationZone, getPlace, hasProvider } from './service.ts';
export { findActor } from './service/actor.ts';
export type { SignInParts } from './service/session.ts';
export { lockOwnDevice } from './service/shared-device.ts';
