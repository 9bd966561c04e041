import { generateKeyPairSync } from 'node:crypto';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import type { AddCommand } from '../cli.ts';
import { readSecret, writeNew } from '../files.ts';
import { keyId, loadPublicKey } from '../keys.ts';
import { type OutputOptions, prints } from '../options.ts';
import { printOne } from '../output/format.ts';
import { fields } from '../output/table.ts';

/** `key create|show`: an approver's key, made and kept where the approver is. */
export const addKey: AddCommand = (program, { io }) => {
  const key = program.command('key').description("approvers' signing keys");
  key
    .command('create')
    .description(
      'make a key: the private half into a file that only you can read, the public half beside it as FILE.pub',
    )
    .requiredOption('--out <file>', 'where the private key goes; it must not exist')
    .option('--passphrase-file <file>', 'seal the private key with the passphrase in this file')
    .action(async (options: { out: string; passphraseFile?: string }) => {
      const pair = generateKeyPairSync('ed25519');
      const seal =
        options.passphraseFile === undefined
          ? {}
          : { cipher: 'aes-256-cbc', passphrase: await readSecret(options.passphraseFile) };
      const raw = rawPublicKey(pair.publicKey);
      await writeNew(options.out, String(pair.privateKey.export({ format: 'pem', type: 'pkcs8', ...seal })), 0o600);
      await writeNew(`${options.out}.pub`, String(pair.publicKey.export({ format: 'pem', type: 'spki' })), 0o644);
      io.out(`${raw.toString('base64')}\n`);
      io.err(`Key ${keyId(raw)}: private half in ${options.out}, public half in ${options.out}.pub.\n`);
    });
  prints(
    key.command('show').description('show the public half of a key').argument('<file>', 'file of either half'),
  ).action(async (file: string, options: OutputOptions) => {
    const raw = await loadPublicKey(file);
    const value = { id: keyId(raw), publicKey: raw.toString('base64') };
    printOne(io, options.output, value, value.publicKey, () =>
      fields([
        ['id', value.id],
        ['public key', value.publicKey],
      ]),
    );
  });
};
