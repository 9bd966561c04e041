import { parseArgs } from 'node:util';
import { PLATFORMS, type Platform } from './platforms.ts';

export interface Options {
  /** Where the release is written; made anew. */
  out: string;
  platforms: readonly Platform[];
  /** In place of the version in package.json. */
  version?: string;
  /** File with the Ed25519 key that signs the checksums. */
  key?: string;
  passphraseFile?: string;
}

const NAMES = PLATFORMS.map(({ name }) => name).join(', ');

export const USAGE = `Use: npm run package [-- OPTIONS]
  --out DIR               where the release goes: dist/release where nothing is said. An earlier one there is replaced
  --platform NAME         build this one alone, or several: ${NAMES}. All where nothing is said
  --version VERSION       in place of the one in package.json
  --key FILE              sign the checksums with this Ed25519 key (PEM, as "tidemark key create" makes it)
  --passphrase-file FILE  what opens the key where it is sealed
`;

/** What the command line asks for. Throws with a message for people. */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      out: { type: 'string', default: 'dist/release' },
      platform: { type: 'string', multiple: true, default: PLATFORMS.map(({ name }) => name) },
      version: { type: 'string' },
      key: { type: 'string' },
      'passphrase-file': { type: 'string' },
    },
  });
  const unknown = values.platform.find(name => PLATFORMS.every(each => each.name !== name));
  if (unknown !== undefined) throw new Error(`"${unknown}" is no platform; there are ${NAMES}`);
  if (values['passphrase-file'] !== undefined && values.key === undefined)
    throw new Error('--passphrase-file opens the key that --key names: give both');
  return {
    out: values.out,
    platforms: PLATFORMS.filter(({ name }) => values.platform.includes(name)),
    ...(values.version === undefined ? {} : { version: values.version }),
    ...(values.key === undefined ? {} : { key: values.key }),
    ...(values['passphrase-file'] === undefined ? {} : { passphraseFile: values['passphrase-file'] }),
  };
}
