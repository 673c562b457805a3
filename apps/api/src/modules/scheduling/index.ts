export { schedulingJobs } from './jobs.ts';
export { schedulingRoutes } from './routes.ts';
export { findVisitOfPatient, listVisitsOfPatient } from './service/appointments.ts';
export { checkInRoutes } from './routes/check-in.ts';
export { bookAppointment } from './service/book.ts';
