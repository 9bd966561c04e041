import manifest from './package.json' with { type: 'json' };

/** What `--version` and the controller are told. */
export const AGENT_VERSION: string = manifest.version;
