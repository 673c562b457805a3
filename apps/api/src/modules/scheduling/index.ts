export { schedulingJobs } from './jobs.ts';
export { schedulingRoutes } from './routes.ts';
export { bookAppointment } from './service/book.ts';
