export { identityRoutes } from './routes.ts';
export { getCountries, getLegalEntityCurrency, getLocationZone, hasProvider } from './service.ts';
