/* The one schema, by area. */

export * from './schema/bundles.ts';
export * from './schema/deciding.ts';
export * from './schema/dispatch.ts';
export * from './schema/fingerprints.ts';
export * from './schema/identification.ts';
export * from './schema/identity.ts';
export * from './schema/incidents.ts';
export * from './schema/inventory.ts';
export * from './schema/landscape.ts';
export * from './schema/plans.ts';
export * from './schema/queries.ts';
export * from './schema/risk.ts';
export * from './schema/runs.ts';
export * from './schema/scans.ts';
export * from './schema/signatures.ts';
