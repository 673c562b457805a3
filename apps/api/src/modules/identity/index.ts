export { identityJobs, watchReviews } from './jobs.ts';
export { identityRoutes } from './routes.ts';
export { accessRoutes } from './routes/access.ts';
export { apiKeyRoutes } from './routes/api-keys.ts';
export { deviceRoutes } from './routes/devices.ts';
export { emergencyRoutes } from './routes/emergency.ts';
export { federatedRoutes } from './routes/federated.ts';
export { passkeyRoutes } from './routes/passkeys.ts';
export { resetRoutes } from './routes/password-reset.ts';
export { signInRoutes } from './routes/sign-in.ts';
export { deviceOf, holderOf } from './rules.ts';
export {
  findProviderOf,
  getCountries,
  getLegalEntityCurrency,
  getLocationZone,
  getOpenLocations,
  getOrganizationName,
  getPlace,
  hasProvider,
} from './service.ts';
export { findActor } from './service/actor.ts';
export { askForNewPasskey, askForPasskey, proveNewPasskey, provePasskey } from './service/challenge.ts';
export type { PasskeyTable } from './service/challenge.ts';
export { offBoard } from './service/leaving.ts';
export { letPracticePeopleIn } from './service/practice.ts';
export { ownerOf } from './service/session.ts';
export type { SignInParts } from './service/session.ts';
export { lockOwnDevice } from './service/shared-device.ts';
