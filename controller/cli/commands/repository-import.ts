import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import type { ReplyOf } from '../../api/contract/routes.ts';
import type { Client } from '../../client/client.ts';
import { CliError, Exit } from '../exit.ts';
import { measure } from '../files.ts';
import type { Io } from '../io.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';
import type { RepositoryPlace } from '../repositories.ts';
import type { ImportedRow } from '../views/signatures.ts';

export interface RepositoryOptions {
  component?: string[];
  architecture?: string;
  all?: boolean;
  package?: string[];
  except?: string[];
  allowOlder?: boolean;
}

type Import = ReplyOf<'getRepositoryImport'>;

/** Nothing of a repository was taken. */
export class RepositoryRefused extends CliError {
  constructor(message: string) {
    super(Exit.error, message);
  }
}

const WAIT_SECONDS = 10;

/** Has a repository imported and waits for it; gives its files where only this machine has them. */
export async function importRepository(
  client: Client,
  io: Io,
  place: RepositoryPlace,
  options: RepositoryOptions,
): Promise<ImportedRow[]> {
  const { kind, suite } = place;
  const from = place.from.by === 'address' ? place.from : { by: place.from.by, name: place.from.name };
  const take = options.all
    ? ({ of: 'all' } as const)
    : options.package
      ? ({ of: 'packages', names: options.package } as const)
      : ({ of: 'installed' } as const);
  let state: Import = await client.beginRepositoryImport({
    body: {
      from,
      kind,
      suite,
      take,
      components: options.component ?? null,
      architectures: options.architecture === undefined ? null : [options.architecture],
      except: options.except ?? [],
      allowOlder: options.allowOlder ?? false,
    },
  });
  const told = tells(io);
  try {
    while (!state.imported && !state.refused) {
      told(state);
      const { id, wanted, sequence } = state;
      const { from } = place;
      // The controller reads as many at once as it wants at once.
      if (from.by === 'files') await Promise.all(wanted.map(path => give(client, from.directory, id, path)));
      const wait = wanted.length > 0 ? 0 : WAIT_SECONDS;
      state = await client.getRepositoryImport({ params: { id }, query: { since: sequence, wait } });
    }
  } catch (error) {
    await client.endRepositoryImport({ params: { id: state.id } }).catch(() => undefined);
    throw error;
  }
  if (state.refused) throw new RepositoryRefused(state.refused.message);
  return rowsOf(io, state);
}

/** A file below the repository, or word that there is none. */
async function give(client: Client, directory: string, id: string, path: string): Promise<Import> {
  const params = { id };
  const file = await below(directory, path);
  if (file === null) {
    const query = { path, digest: digestOf(Buffer.alloc(0)), missing: 'true' as const };
    return client.giveRepositoryFile({ params, query, content: Readable.from([]), bytes: 0 });
  }
  const { digest, bytes } = await measure(file);
  return client.giveRepositoryFile({ params, query: { path, digest }, file, bytes });
}

/** Null where it is not there. What an index names must not make this machine give away other files of its own. */
async function below(directory: string, path: string): Promise<string | null> {
  const top = await realpath(directory);
  const file = await realpath(join(top, path)).catch(() => null);
  return file?.startsWith(`${top}${sep}`) ? file : null;
}

/** On a terminal and elsewhere: a line a stage, and then one for each tenth of the packages. */
function tells(io: Io): (state: Import) => void {
  let last = '';
  return ({ stage, packages, done, name }) => {
    const tenths = packages === 0 ? 0 : Math.floor((10 * done) / packages);
    const line =
      stage === 'index'
        ? 'reading its index'
        : stage === 'packages'
          ? `${Math.ceil((tenths * packages) / 10)} of ${packages} packages read`
          : `keeping ${packages} packages`;
    if (line !== last) io.err(`${plain(name)}: ${line}\n`);
    last = line;
  };
}

const MAX_NAMED = 10;

function rowsOf(io: Io, { imported, name }: Import): ImportedRow[] {
  if (!imported) throw new CliError(Exit.error, `${name}: the import ended without an answer`);
  const { title, dated, signedBy, packages, absent } = imported;
  const fresh = packages.filter(({ unchanged }) => !unchanged).length;
  const by = signedBy
    ? `signed by ${plain(signedBy.name)}`
    : 'its index signed by nobody, its packages by their vendor';
  const of = [plain(title), dated === null ? '' : `of ${moment(dated)}`, by].filter(part => part !== '').join(', ');
  io.err(`${plain(name)} (${of}): ${packages.length} packages, ${fresh} new\n`);
  if (absent.length > 0) {
    const named = absent.slice(0, MAX_NAMED).map(plain).join(', ');
    const more = absent.length > MAX_NAMED ? `, and ${absent.length - MAX_NAMED} more` : '';
    io.err(`installed in the fleet, but not in this repository: ${named}${more}\n`);
  }
  return packages.map(({ bytes: _, installedBytes, ...each }) => ({ ...each, unpackedBytes: installedBytes }));
}
