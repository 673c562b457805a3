export { schedulingJobs } from './jobs.ts';
export { schedulingRoutes } from './routes.ts';
