export { patientRoutes } from './routes.ts';
export { hasPatient } from './service.ts';
