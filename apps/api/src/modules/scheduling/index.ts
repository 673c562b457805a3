export { schedulingJobs } from './jobs.ts';
export { schedulingRoutes } from './routes.ts';
export { checkInRoutes } from './routes/check-in.ts';
export { bookAppointment } from './service/book.ts';
