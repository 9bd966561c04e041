import { type BundleContent, bundleDigest } from '@tidemark/shared/orders/bundle.ts';
import { type BundlePackage, parseBundlePackage } from '@tidemark/shared/orders/kinds/package.ts';
import { signSignOff } from '@tidemark/shared/signing/sign-off.ts';
import { InvalidArgumentError } from 'commander';
import type { AddCommand } from '../cli.ts';
import { confirmed } from '../confirm.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { readText, shownName } from '../files.ts';
import { loadPrivateKey } from '../keys.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';
import { bundleLines, outlookLines, rolloutLines } from '../views/bundles.ts';

const MAX_MANIFEST_BYTES = 2_000_000;

interface Release {
  product: string;
  version: string;
}

type BundleOptions = PrintingOptions & {
  release?: Release[];
  package?: BundlePackage[];
  advisory?: string[];
  file?: string;
  ring?: string;
};
type SignOptions = PrintingOptions & { ring?: string; key: string; passphraseFile?: string; yes?: true };

/** `bundle`: what is frozen, and how far it goes. */
export const addBundle: AddCommand = (program, { io }) => {
  const bundle = program.command('bundle').description('frozen sets of patches');
  prints(
    talks(
      bundle
        .command('create')
        .description('freeze a set of releases and packages under a name')
        .argument('<name>', 'what to call it')
        .option('--release <product@version>', 'a release that is in it; may be repeated', releaseOption)
        .option(
          '--package <name=version>',
          'a package of the operating system, as [family/]name[:arch]=version[@sha256]; family is dpkg, rpm, pacman or apk, dpkg where none is given; may be repeated',
          packageOption,
        )
        .option('--advisory <name>', 'what it answers, like DSA-5678-1; may be repeated', collected)
        .option(
          '--file <file>',
          'a file that lists more of it, and says of packages where they come from and what they answer',
        )
        .option('--ring <ring>', 'how far it is promoted from the start; the first ring if not given'),
    ),
  ).action(async (name: string, options: BundleOptions) => {
    const { release: releases = [], package: packages = [], advisory: advisories = [] } = options;
    const ring = options.ring === undefined ? {} : { ring: options.ring };
    if (releases.length + packages.length === 0 && options.file === undefined)
      throw usageError('a bundle needs content: give a --release, a --package or a --file');
    const manifest =
      options.file === undefined
        ? {}
        : { manifest: { text: await readText(options.file, MAX_MANIFEST_BYTES), fileName: shownName(options.file) } };
    const made = await withClient(io, options, client =>
      client.createBundle({ body: { name, releases, packages, advisories, ...manifest, ...ring } }),
    );
    printOne(io, options.output, made, made.name, () => bundleLines(made));
  });
  prints(
    talks(
      bundle
        .command('promote')
        .description('let policies that choose by ring take it')
        .argument('<name>', 'the bundle')
        .requiredOption('--to <ring>', 'how far: "tidemark get rings" lists them')
        .option('--expedite <reason>', 'go without the age and the numbers that the ring needs, and say why'),
    ),
  ).action(async (name: string, { to, expedite, ...options }: PrintingOptions & { to: string; expedite?: string }) => {
    const body = { to, ...(expedite === undefined ? {} : { expedite }) };
    const promoted = await withClient(io, options, client => client.promoteBundle({ params: { name }, body }));
    for (const warning of promoted.warnings) io.err(`warning: ${plain(warning)}\n`);
    printOne(io, options.output, promoted.bundle, name, () => bundleLines(promoted.bundle));
  });

  for (const [word, call, description] of [
    ['hold', 'holdBundle', 'let nothing new begin with it: no plan, no run, no promotion'],
    ['release', 'releaseBundle', 'end a hold'],
    ['withdraw', 'withdrawBundle', 'end it for good: nothing new begins with it ever again'],
  ] as const) {
    prints(
      talks(
        bundle
          .command(word)
          .description(description)
          .argument('<name>', 'the bundle')
          .requiredOption('--reason <text>', 'why: it is shown wherever the bundle is refused, and audited'),
      ),
    ).action(async (name: string, { reason, ...options }: PrintingOptions & { reason: string }) => {
      const changed = await withClient(io, options, client => client[call]({ params: { name }, body: { reason } }));
      printOne(io, options.output, changed, changed.name, () => bundleLines(changed));
    });
  }

  prints(
    talks(
      bundle
        .command('rollout')
        .description('show which bundle is where, by what is on the servers')
        .argument('[names...]', 'only these; the newest that were not withdrawn if none is given'),
    ),
  ).action(async (names: string[], options: PrintingOptions) => {
    const query = names.length > 0 ? { bundles: names.join(',') } : {};
    const rollout = await withClient(io, options, client => client.getRollout({ query }));
    printOne(io, options.output, rollout, 'rollout', () => rolloutLines(rollout));
  });

  prints(
    talks(
      bundle
        .command('sign')
        .description('sign that it may enter a ring; signed here, with a key that stays here')
        .argument('<name>', 'the bundle')
        .requiredOption('--key <file>', 'private key of an approver')
        .option('--ring <ring>', 'the ring; the one that comes next if not given')
        .option('--passphrase-file <file>', 'passphrase of a sealed key')
        .option('-y, --yes', 'do not ask, where there is a terminal to ask on'),
    ),
  ).action(async (name: string, options: SignOptions) => {
    const key = await loadPrivateKey(options.key, options.passphraseFile);
    await withClient(io, options, async client => {
      const { bundle: shown, next } = await client.getBundleOutlook({ params: { name } });
      const ring = options.ring ?? next?.ring;
      if (ring === undefined) throw new CliError(Exit.error, `bundle ${plain(name)} is in the last ring`);
      // What is signed is computed from what is shown.
      const digest = bundleDigest(shown as BundleContent);
      if (digest !== shown.digest) {
        throw new CliError(Exit.error, `bundle ${plain(name)} is not what its digest says: nothing was signed`);
      }
      io.err(`${bundleLines(shown).join('\n')}\n`);
      const question = `Sign that ${plain(name)} may enter ${plain(ring)}?`;
      await confirmed(options.yes === true ? null : io.ask, question);
      const { fleet } = await client.whoami();
      const signOff = { format: 'tidemark/sign-off/v1', fleet, bundle: digest, name, ring } as const;
      const envelope = signSignOff({ ...signOff, signedAt: io.clock.now() }, key);
      const signed = await client.signOffBundle({ params: { name }, body: envelope });
      const after = await client.getBundleOutlook({ params: { name } });
      printOne(io, options.output, signed, signed.name, () => ['Signed.', ...outlookLines(after)]);
    });
  });
};

/** `rpm/openssl-libs:x86_64=1:3.0.7-27.el9@<64 hex digits>`. What is wrong in it besides, the controller says. */
function packageOption(text: string, before: BundlePackage[] | undefined): BundlePackage[] {
  const parsed = parseBundlePackage(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.error);
  return [...(before ?? []), parsed.value];
}

const collected = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

function releaseOption(text: string, before: Release[] | undefined): Release[] {
  const match = /^(.+)@([^@]+)$/.exec(text);
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('Give PRODUCT@VERSION.');
  return [...(before ?? []), { product: match[1], version: match[2] }];
}
