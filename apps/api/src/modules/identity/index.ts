export { identityRoutes } from './routes.ts';
export { getLegalEntityCurrency, getLocationZone } from './service.ts';
