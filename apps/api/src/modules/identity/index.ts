export { identityRoutes } from './routes.ts';
export { getCountries, getLegalEntityCurrency, getLocationZone, getPlace, hasProvider } from './service.ts';
