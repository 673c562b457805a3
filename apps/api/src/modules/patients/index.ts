export { patientRoutes } from './routes.ts';
export { getPatientContact, hasPatient } from './service.ts';
