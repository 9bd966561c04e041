import { randomBytes } from 'node:crypto';
import { CLUSTER_KEY_BYTES, sealKey } from '@tidemark/shared/fingerprint/sealed-key.ts';
import { secretKeyId } from '@tidemark/shared/fingerprint/secret-key-id.ts';
import { type SecretKeyStatement, signSecretKey } from '@tidemark/shared/signing/secret-key.ts';
import type { HostSecretKey } from '../../api/contract/scanning.ts';
import type { AddCommand } from '../cli.ts';
import { loadPrivateKey } from '../keys.ts';
import { type PrintingOptions, prints, talks } from '../options.ts';
import { type Listing, printListing, printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { withClient } from '../session.ts';

type CreateOptions = PrintingOptions & { key: string[]; passphraseFile?: string };

const CREATE = `
The key is made here, sealed to the agent of each member, signed, and then forgotten: nobody but these agents has it, the
controller included. A host that joins later gets one by running this again, which gives all members a new key; until all of
them have been scanned under it, reports say of secrets that they cannot be compared.
"tidemark-agent status" on a server shows the key that it must have been sealed to.`;

/** `secret-key`: under what the digests of secrets are made. */
export const addSecretKey: AddCommand = (program, { io }) => {
  const secretKey = program
    .command('secret-key')
    .description('keys under which hosts digest secrets, so that nobody can guess them');

  prints(
    talks(
      secretKey
        .command('create')
        .description('give the members of clusters a new key of their own')
        .argument(
          '<cluster...>',
          'the first names the key; a host has one key, so clusters that share hosts share a key',
        )
        .requiredOption('--key <file...>', 'private keys of approvers who may let servers be looked at (class observe)')
        .option('--passphrase-file <file>', 'passphrase of sealed keys')
        .addHelpText('after', CREATE),
    ),
  ).action(async (clusters: string[], options: CreateOptions) => {
    const keys = await Promise.all(options.key.map(path => loadPrivateKey(path, options.passphraseFile)));
    const [name = ''] = clusters;
    await withClient(io, options, async client => {
      const { fleet } = await client.whoami();
      const { generation, hosts } = await client.secretKeyRecipients({ query: { name, clusters: clusters.join(',') } });
      const secret = randomBytes(CLUSTER_KEY_BYTES);
      const keyId = secretKeyId(secret);
      const statements = hosts.map(
        ({ hostId, sealingKey }): SecretKeyStatement => ({
          ...{ format: 'tidemark/secret-key/v1', fleet, name, generation, keyId, hostId, recipient: sealingKey },
          sealed: sealKey(secret, Buffer.from(sealingKey, 'base64'), randomBytes).toString('base64'),
          signedAt: io.clock.now(),
        }),
      );
      secret.fill(0);
      const envelopes = statements.map(statement => signSecretKey(statement, keys));
      const kept = await client.keepSecretKeys({ body: { envelopes } });
      printOne(io, options.output, { ...kept, keyId, hosts }, keyId, () => [
        `Key ${keyId} of ${plain(name)}, generation ${generation}, is on its way. Sealed to:`,
        ...hosts.map(({ host, sealingKey }) => `  ${plain(host)}  ${sealingKey}`),
        `When "tidemark secret-key list" says that all have taken it: tidemark scan ${hosts.map(({ host }) => plain(host)).join(' ')}`,
      ]);
    });
  });

  prints(talks(secretKey.command('list').description('list which host has which key'))).action(
    async (options: PrintingOptions) => {
      const { keys } = await withClient(io, options, client => client.listSecretKeys());
      printListing(io, options.output, secretKeysListing(keys));
    },
  );
};

const STATES: Record<HostSecretKey['state'], string> = {
  taken: 'taken',
  waiting: 'on its way',
  stale: 'of an agent that is no more: make a new key',
};

const secretKeysListing = (rows: readonly HostSecretKey[]): Listing<HostSecretKey> => ({
  rows,
  columns: [
    { title: 'HOST', value: row => row.host },
    { title: 'KEY', value: row => row.name },
    { title: 'GENERATION', value: row => String(row.generation) },
    { title: 'STATE', value: row => STATES[row.state] },
    { title: 'ID', value: row => row.keyId },
  ],
  name: row => row.host,
  empty: 'No host has a key: secrets are not compared. "tidemark secret-key create CLUSTER" makes one.',
});
