export { messagingJobs } from './jobs.ts';
export { messagingHooks, messagingRoutes } from './routes.ts';
export { hasMessageLeft, listSaid, queueMessage } from './service/messages.ts';
