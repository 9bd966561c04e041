import type { Command } from 'commander';
import { Option } from 'commander';
import type { VendorKey } from '../../api/contract/signatures.ts';
import { readBytes } from '../files.ts';
import type { Io } from '../io.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { type Listing, printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';

/** A keyring of some hundred keys. */
const MAX_KEYS_BYTES = 1024 * 1024;

/** `signatures key`: whose signatures on packages count. */
export function addSignatureKeys(signatures: Command, io: Io): void {
  const key = signatures.command('key').description('OpenPGP keys whose signatures on packages count');
  prints(
    talks(
      key
        .command('add')
        .alias('import')
        .description('let what these keys signed count')
        .argument('<file>', 'public keys, armored or as in /usr/share/keyrings')
        .addOption(
          new Option('--tier <tier>', 'what their signatures are worth: the vendor made it, or a repository has it')
            .choices(['vendor', 'repository'])
            .makeOptionMandatory(),
        ),
    ),
  ).action(async (file: string, options: PrintingOptions & { tier: VendorKey['tier'] }) => {
    const armored = armoredOf(await readBytes(file, MAX_KEYS_BYTES));
    const { keys } = await withClient(io, options, client =>
      client.addVendorKeys({ body: { armored, tier: options.tier } }),
    );
    printListing(io, options.output, keysListing(keys));
  });
  prints(talks(key.command('list').description('list the keys whose signatures count'))).action(
    async (options: PrintingOptions) => {
      const { keys } = await withClient(io, options, client => client.listVendorKeys());
      printListing(io, options.output, keysListing(keys));
    },
  );
  prints(
    talks(
      key
        .command('remove')
        .description('let a key count no more; what it signed before stays known')
        .argument('<fingerprint>', 'the whole fingerprint'),
    ),
  ).action(async (fingerprint: string, options: PrintingOptions) => {
    const removed = await withClient(io, options, client => client.removeVendorKey({ params: { fingerprint } }));
    printOne(io, options.output, removed, removed.fingerprint, () => [
      `Removed ${removed.fingerprint} (${plain(removed.name)}).`,
    ]);
  });
}

/** Keyrings of the systems are binary: their first byte begins a packet, and is no letter (RFC 9580, section 4.2). */
function armoredOf(keys: Buffer): string {
  if (((keys[0] ?? 0) & 0x80) === 0) return keys.toString('latin1');
  const lines = keys.toString('base64').replace(/.{64}/g, '$&\n');
  return `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${lines}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
}

const keysListing = (rows: readonly VendorKey[]): Listing<VendorKey> => ({
  rows,
  columns: [
    { title: 'FINGERPRINT', value: row => row.fingerprint },
    { title: 'TIER', value: row => row.tier },
    { title: 'NAME', value: row => row.name },
    { title: 'ADDED BY', value: row => row.addedBy, wide: true },
  ],
  name: row => row.fingerprint,
  empty: 'No key of a vendor or repository is trusted yet: "tidemark signatures key add" takes them.',
});
