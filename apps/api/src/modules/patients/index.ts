export { patientRoutes } from './routes.ts';
export { contactIndexes, getPatientContact, hasPatient } from './service.ts';
