import { signBaseline } from '@tidemark/shared/signing/baseline.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit } from '../exit.ts';
import { loadPrivateKey } from '../keys.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { baselinesListing } from '../views/listings.ts';

type CreateOptions = PrintingOptions & { host: string; fingerprint?: string; key: string; passphraseFile?: string };

/** `baseline`: fingerprints that are kept and signed, to hold hosts against. */
export const addBaseline: AddCommand = (program, { io }) => {
  const baseline = program.command('baseline').description('fingerprints that hosts are held against');

  prints(
    talks(
      baseline
        .command('create')
        .description('sign a fingerprint as a reference; signed here, with a key that stays here')
        .argument('<name>', 'small letters, digits, ".", "_" or "-"')
        .requiredOption('--host <host>', 'the host whose fingerprint it is')
        .option('--fingerprint <id>', 'one of its fingerprints, by how its id begins; the newest if not given')
        .requiredOption('--key <file>', 'private key of an approver')
        .option('--passphrase-file <file>', 'passphrase of a sealed key'),
    ),
  ).action(async (name: string, options: CreateOptions) => {
    const key = await loadPrivateKey(options.key, options.passphraseFile);
    await withClient(io, options, async client => {
      const { fingerprints } = await client.listFingerprints({ params: { name: options.host } });
      const found = fingerprints.find(({ id }) => id.startsWith(options.fingerprint ?? ''));
      if (!found) {
        const host = plain(options.host);
        throw new CliError(
          Exit.error,
          `${host} has no such fingerprint: "tidemark get fingerprints ${host}" lists them`,
        );
      }
      const { fleet } = await client.whoami();
      const envelope = signBaseline(
        {
          ...{ format: 'tidemark/baseline/v1', fleet, name, host: found.host },
          ...{ profileDigest: found.profileDigest as `sha256:${string}`, softwareRoot: found.softwareRoot },
          ...{ configRoot: found.configRoot, scannedAt: Date.parse(found.finishedAt), signedAt: io.clock.now() },
        },
        key,
      );
      const kept = await client.keepBaseline({ body: { envelope, reference: `${found.host}@${found.id}` } });
      printOne(io, options.output, kept, kept.name, () => [
        `Kept ${plain(kept.name)}: hold hosts against it with "tidemark drift HOST --baseline ${plain(kept.name)}".`,
      ]);
    });
  });

  prints(talks(baseline.command('list').description('list baselines'))).action(async (options: PrintingOptions) => {
    const { baselines } = await withClient(io, options, client => client.listBaselines());
    printListing(io, options.output, baselinesListing(baselines));
  });

  prints(
    talks(baseline.command('remove').description('remove a baseline').argument('<name>', 'name of the baseline')),
  ).action(async (name: string, options: PrintingOptions) => {
    const removed = await withClient(io, options, client => client.removeBaseline({ params: { name } }));
    printOne(io, options.output, removed, removed.name, () => [`Removed ${plain(removed.name)}.`]);
  });
};
