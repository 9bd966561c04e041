import type { KeyObject } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { encodeEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { signPackage } from '@tidemark/shared/signing/package.ts';
import { MAX_ARCHIVE_BYTES } from '../../api/contract/releases.ts';
import type { Client } from '../../client/client.ts';
import { ClientError } from '../../client/errors.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { measure } from '../files.ts';
import type { Io } from '../io.ts';
import { loadPrivateKey } from '../keys.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { bytes } from '../output/time.ts';
import { packDirectory } from '../pack-directory.ts';
import { repositoryAt } from '../repositories.ts';
import { withClient } from '../session.ts';
import { type ImportedRow, importedListing } from '../views/signatures.ts';
import { importRepository, type RepositoryOptions, RepositoryRefused } from './repository-import.ts';
import { addSignatureKeys } from './signature-keys.ts';

interface ImportOptions extends PrintingOptions, RepositoryOptions {
  suite?: string;
  product?: string;
  releaseVersion?: string;
  architecture?: string;
  at?: string;
  key?: string[];
  passphraseFile?: string;
}

/** An archive that agents install is known by its name; whoever says where files lie means another kind of thing. */
const isRelease = (file: string, { at, key }: ImportOptions): boolean =>
  /\.(tar\.gz|tgz)$/.test(file) && at === undefined && key === undefined;

/** `signatures`: what is known of products, file by file. */
export const addSignatures: AddCommand = (program, { io, finish }) => {
  const signatures = program.command('signatures').description('known-good files of product versions');
  prints(
    talks(
      signatures
        .command('import')
        .description(
          'learn the files of product versions: from releases (.tar.gz, kept for installing), packages, archives, image layouts, directories, and repositories of packages: of those, what the fleet has installed',
        )
        .argument(
          '<file...>',
          '.deb, .rpm, .jar, .war, .zip, .tar.*, a directory, an archive named PRODUCT-VERSION.tar.gz, or a repository of apt or rpm: its address or directory',
        )
        .option('--product <name>', 'product, where neither file nor name says it; for one file')
        .option('--release-version <version>', 'version, where neither file nor name says it; for one file')
        .option('--architecture <name>', 'which of the platforms of an image, or what an archive was built for')
        .option('--at <directory>', 'where the files of an archive or directory lie on servers')
        .option('--key <file...>', 'private keys of approvers of patches, who vouch for what its vendor has not signed')
        .option('--passphrase-file <file>', 'passphrase of sealed keys')
        .option('--suite <name>', 'of an apt repository: the suite, as it stands in sources.list')
        .option('--component <name...>', 'of an apt repository: only these components')
        .option('--package <name...>', 'of a repository: all versions of these packages, whatever is installed')
        .option('--all', 'of a repository: all packages, whatever is installed')
        .option('--except <name...>', 'of a repository: without these packages')
        .option('--allow-older', 'of a repository: although an index was seen that is newer, since it was put back'),
    ),
  ).action(async (files: string[], options: ImportOptions) => {
    if (options.all && options.package) throw usageError('--all and --package are two ways to choose: give one');
    if (files.length > 1 && (options.product !== undefined || options.releaseVersion !== undefined))
      throw usageError('--product and --release-version are about one archive: import it alone');
    const keys = await Promise.all((options.key ?? []).map(path => loadPrivateKey(path, options.passphraseFile)));
    const done: ImportedRow[] = [];
    const refused: string[] = [];
    await withClient(io, options, async client => {
      for (const file of files) {
        try {
          // Whoever says where files lie means the directory itself, whatever is in it.
          const repository = options.at === undefined ? repositoryAt(file, options.suite) : null;
          if (repository) done.push(...(await importRepository(client, io, repository, options)));
          else if (isRelease(file, options)) done.push(await importRelease(client, io, file, options));
          else done.push(await importPackage(client, io, file, options, keys));
        } catch (error) {
          // One that is refused says nothing of the others; whatever else went wrong does.
          const isRefusal =
            error instanceof ClientError ? error.kind === 'refused' : error instanceof RepositoryRefused;
          if (!isRefusal || files.length === 1) throw error;
          refused.push(`${plain(file)}: ${plain((error as Error).message)}`);
        }
      }
    });
    printListing(io, options.output, importedListing(done));
    if (refused.length === 0) return;
    for (const each of refused) io.err(`refused: ${each}\n`);
    io.err(`${refused.length} of ${files.length} were refused; nothing of those was kept.\n`);
    finish(Exit.error);
  });
  addSignatureKeys(signatures, io);
};

async function importRelease(
  client: Client,
  io: Io,
  file: string,
  { product, releaseVersion: version }: ImportOptions,
): Promise<ImportedRow> {
  const { digest, bytes: length } = await measure(file);
  checkLength(io, file, length);
  const query = { name: basename(file), digest, product, version };
  const found = await client.importSignature({ query, file, bytes: length });
  const { product: name, version: number, files, unpackedBytes, artifact, unchanged } = found;
  return {
    product: name,
    version: number,
    architecture: null,
    source: 'release',
    files,
    unpackedBytes,
    tier: 'operator',
    package: artifact,
    unchanged,
  };
}

async function importPackage(
  client: Client,
  io: Io,
  file: string,
  options: ImportOptions,
  keys: readonly KeyObject[],
): Promise<ImportedRow> {
  const directory = (await stat(file).catch(() => null))?.isDirectory() ? await packDirectory(file) : null;
  const { digest, bytes: length } = directory ?? (await measure(file));
  checkLength(io, file, length);
  const said = {
    product: options.product,
    version: options.releaseVersion,
    architecture: options.architecture,
    at: options.at,
  };
  const statement = keys.length === 0 ? undefined : await sign(client, io, digest, said, keys);
  const query = {
    ...said,
    name: directory ? `${basename(resolve(file))}.tar` : basename(file),
    digest,
    directory: directory && !directory.isImage ? ('true' as const) : ('false' as const),
    statement,
  };
  const { signature, unchanged } = await client.importPackage({
    query,
    bytes: length,
    ...(directory ? { content: directory.content() } : { file }),
  });
  return { ...signature, unpackedBytes: signature.installedBytes, unchanged };
}

type Said = Record<'product' | 'version' | 'architecture' | 'at', string | undefined>;

/** What approvers say of these very bytes, as it travels. */
async function sign(client: Client, io: Io, digest: string, said: Said, keys: readonly KeyObject[]): Promise<string> {
  const { fleet } = await client.whoami();
  const envelope = signPackage(
    {
      format: 'tidemark/package/v1',
      fleet,
      digest: digest as Digest,
      product: said.product ?? null,
      version: said.version ?? null,
      architecture: said.architecture ?? null,
      at: said.at ?? null,
      signedAt: io.clock.now(),
    },
    keys,
  );
  return encodeEnvelope(envelope).toString('base64url');
}

function checkLength(io: Io, file: string, length: number): void {
  if (length > MAX_ARCHIVE_BYTES)
    throw new CliError(
      Exit.usage,
      `${plain(file)} has ${bytes(length)}; the most that a controller takes is ${bytes(MAX_ARCHIVE_BYTES)}`,
    );
  io.err(`${plain(basename(file))}: sending ${bytes(length)}\n`);
}
