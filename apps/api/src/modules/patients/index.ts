export { patientRoutes } from './routes.ts';
export { proxyRoutes } from './routes/proxies.ts';
export { isInForce } from './rules/age.ts';
export { contactIndexes, getPatientContact, hasPatient } from './service.ts';
export { addressKeyOf, changeOwnProfile, findNames, findReachedAt, isOldEnough, openBirthDate, readOwnProfile } from './service/self.ts';
