import manifest from './package.json' with { type: 'json' };

/** Of this release; the build puts it into the bundle. */
export const CONTROLLER_VERSION: string = manifest.version;
