import { PROTOCOL } from '@tidemark/shared/protocol/limits.ts';
import manifest from './package.json' with { type: 'json' };

/** What a release was made of; the packaging puts it in. */
declare const TIDEMARK_RELEASE: { version: string; commit: string } | undefined;
const release =
  typeof TIDEMARK_RELEASE === 'undefined' ? { version: manifest.version, commit: 'unknown' } : TIDEMARK_RELEASE;

/** What the controller is told. */
export const AGENT_VERSION: string = release.version;

/** What `--version` prints. */
export const AGENT_VERSION_LINE = `${release.version} (commit ${release.commit}, link protocol ${PROTOCOL.min} to ${PROTOCOL.max})`;
