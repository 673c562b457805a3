export { identityRoutes } from './routes.ts';
export { getLegalEntityCurrency, getLocationZone, hasProvider } from './service.ts';
