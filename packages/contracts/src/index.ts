export * from './catalog.ts';
export * from './identity.ts';
export * from './page.ts';
export * from './patients.ts';
export * from './permissions.ts';
export * from './primitives.ts';
export * from './problems.ts';
export * from './scheduling.ts';
