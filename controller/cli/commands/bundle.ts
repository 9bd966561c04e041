import { type BundlePackage, parseBundlePackage } from '@tidemark/shared/orders/kinds/package.ts';
import { InvalidArgumentError, Option } from 'commander';
import type { Bundle } from '../../api/contract/releases.ts';
import { Ring } from '../../api/contract/releases.ts';
import type { AddCommand } from '../cli.ts';
import { usageError } from '../exit.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { withClient } from '../session.ts';
import { bundleLines } from '../views/things.ts';

interface Release {
  product: string;
  version: string;
}

type BundleOptions = PrintingOptions & { release?: Release[]; package?: BundlePackage[]; ring: Bundle['ring'] };

/** `bundle create` and `bundle promote`. */
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
        .addOption(
          new Option('--ring <ring>', 'how far it is promoted from the start').choices(Ring.options).default('test'),
        ),
    ),
  ).action(async (name: string, options: BundleOptions) => {
    const { release: releases = [], package: packages = [], ring } = options;
    if (releases.length + packages.length === 0)
      throw usageError('a bundle needs content: give a --release or a --package');
    const made = await withClient(io, options, client =>
      client.createBundle({ body: { name, releases, packages, ring } }),
    );
    printOne(io, options.output, made, made.name, () => bundleLines(made));
  });
  prints(
    talks(
      bundle
        .command('promote')
        .description('let policies that choose by ring take it: test, then inactive, then active')
        .argument('<name>', 'the bundle')
        .addOption(new Option('--to <ring>', 'how far').choices(Ring.options).makeOptionMandatory()),
    ),
  ).action(async (name: string, options: PrintingOptions & { to: Bundle['ring'] }) => {
    const promoted = await withClient(io, options, client =>
      client.promoteBundle({ params: { name }, body: { to: options.to } }),
    );
    printOne(io, options.output, promoted, promoted.name, () => bundleLines(promoted));
  });
};

/** `rpm/openssl-libs:x86_64=1:3.0.7-27.el9@<64 hex digits>`. What is wrong in it besides, the controller says. */
function packageOption(text: string, before: BundlePackage[] | undefined): BundlePackage[] {
  const parsed = parseBundlePackage(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.error);
  return [...(before ?? []), parsed.value];
}

function releaseOption(text: string, before: Release[] | undefined): Release[] {
  const match = /^(.+)@([^@]+)$/.exec(text);
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('Give PRODUCT@VERSION.');
  return [...(before ?? []), { product: match[1], version: match[2] }];
}
