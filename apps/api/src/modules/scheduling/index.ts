export { schedulingJobs } from './jobs.ts';
export { schedulingRoutes } from './routes.ts';
export { findVisitOfPatient, listVisitsOfPatient } from './service/appointments.ts';
export { calendarFeedAddress, calendarFeedRoutes } from './routes/calendar-feeds.ts';
export { checkInRoutes } from './routes/check-in.ts';
export { liveRoutes } from './routes/live.ts';
export { bookAppointment } from './service/book.ts';
export { openLiveCalendar } from './service/live.ts';
