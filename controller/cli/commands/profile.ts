import { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { signScanProfile } from '@tidemark/shared/signing/scan-profile.ts';
import { parse } from 'yaml';
import { z } from 'zod';
import type { KnownProfile } from '../../api/contract/scanning.ts';
import type { Client } from '../../client/client.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { readText } from '../files.ts';
import { loadPrivateKey } from '../keys.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { type Listing, printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';

type SignOptions = PrintingOptions & { host?: string; key: string[]; passphraseFile?: string };

/** A profile of some thousand rules. */
const MAX_PROFILE_BYTES = 1024 * 1024;

/** `profile`: what scans look at. */
export const addProfile: AddCommand = (program, { io }) => {
  const profile = program.command('profile').description('what scans look at');

  prints(
    talks(profile.command('list').description('list scan profiles: those that came with Tidemark, and those signed')),
  ).action(async (options: PrintingOptions) => {
    const { profiles } = await withClient(io, options, client => client.listProfiles());
    printListing(io, options.output, profilesListing(profiles));
  });

  talks(
    profile
      .command('show')
      .description('print a scan profile as JSON, to read it or to make one of your own of it')
      .argument('<name>', 'NAME or NAME@VERSION'),
  ).action(async (name: string, options: PrintingOptions) => {
    const { profiles } = await withClient(io, options, client => client.listProfiles());
    const found = profiles.find(({ profile: { name: own, version } }) => own === name || `${own}@${version}` === name);
    if (!found) {
      throw new CliError(
        Exit.error,
        `there is no scan profile ${plain(name)}: "tidemark profile list" shows those there are`,
      );
    }
    io.out(`${JSON.stringify(found.profile, null, 2)}\n`);
  });

  prints(
    talks(
      profile
        .command('sign')
        .description('sign what hosts may be asked to scan; signed here, with a key that stays here')
        .argument('[file]', 'the profile, YAML or JSON')
        .option(
          '--host <host>',
          'instead of a file: what the landscape says of this host, and of all that have the same on them',
        )
        .requiredOption('--key <file...>', 'private keys of approvers who may let servers be looked at (class observe)')
        .option('--passphrase-file <file>', 'passphrase of sealed keys'),
    ),
  ).action(async (file: string | undefined, options: SignOptions) => {
    if ((file === undefined) === (options.host === undefined)) throw usageError('give a file, or --host');
    const keys = await Promise.all(options.key.map(path => loadPrivateKey(path, options.passphraseFile)));
    await withClient(io, options, async client => {
      const signed = file === undefined ? await profileOf(client, options.host ?? '') : await readProfile(file);
      const { fleet } = await client.whoami();
      const statement = {
        format: 'tidemark/scan-profile/v1' as const,
        fleet,
        profile: signed,
        signedAt: io.clock.now(),
      };
      const kept = await client.keepProfile({ body: { envelope: signScanProfile(statement, keys) } });
      const name = `${plain(kept.profile.name)}@${kept.profile.version}`;
      printOne(io, options.output, kept, name, () => [
        file === undefined
          ? `Signed: hosts with what ${plain(options.host ?? '')} has on it are scanned by "tidemark scan HOST".`
          : `Signed: scan under it with "tidemark scan HOST --profile ${plain(kept.profile.name)}".`,
      ]);
    });
  });

  prints(
    talks(
      profile
        .command('remove')
        .description('remove a signed profile; fingerprints under it stay')
        .argument('<name>', 'NAME@VERSION'),
    ),
  ).action(async (text: string, options: PrintingOptions) => {
    const [name = '', version] = text.split('@');
    if (!/^[0-9]+$/.test(version ?? '')) throw usageError('say which version: NAME@VERSION');
    const removed = await withClient(io, options, client =>
      client.removeProfile({ params: { name, version: Number(version) } }),
    );
    printOne(io, options.output, removed, removed.name, () => [`Removed ${plain(removed.name)}@${removed.version}.`]);
  });
};

const profileOf = async (client: Client, name: string): Promise<ScanProfile> =>
  ScanProfile.parse((await client.profileOfHost({ params: { name } })).profile);

async function readProfile(file: string): Promise<ScanProfile> {
  const text = await readText(file, MAX_PROFILE_BYTES);
  let value: unknown;
  try {
    value = parse(text, { merge: false, maxAliasCount: 0 });
  } catch (error) {
    throw new CliError(Exit.error, `${plain(file)} is no YAML: ${plain((error as Error).message)}`);
  }
  const parsed = ScanProfile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CliError(Exit.error, `${plain(file)} is no scan profile:\n${plain(z.prettifyError(parsed.error))}`);
}

const profilesListing = (rows: readonly KnownProfile[]): Listing<KnownProfile> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.profile.name },
    { title: 'VERSION', value: row => String(row.profile.version) },
    {
      title: 'COUNTS BY',
      value: row => row.problem ?? (row.source === 'built-in' ? 'coming with the agent' : row.signedBy.join(', ')),
    },
    { title: 'ROOTS', value: row => row.profile.roots.map(({ path }) => path).join(' ') },
    { title: 'DIGEST', value: row => row.digest, wide: true },
  ],
  name: row => `${row.profile.name}@${row.profile.version}`,
  empty: 'There is no scan profile.',
});
