// `npm run package`: a release from this clone: executables, bills of materials, checksums.
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { importPrivateKey } from '../../shared/signing/ed25519.ts';
import { signedChecksums } from './checksums.ts';
import { agentBlob, agentExecutable } from './executable.ts';
import { readLock } from './lock.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { executableName } from './platforms.ts';
import { mayBecomeRelease, putRelease, type WrittenFile } from './put-release.ts';
import { readRelease } from './release.ts';
import { billOfMaterials } from './sbom.ts';

const root = resolve(import.meta.dirname, '../..');

try {
  await main(readOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 1;
}

async function main(options: Options): Promise<void> {
  const out = resolve(root, options.out);
  const problem = mayBecomeRelease(out);
  if (problem !== null) throw new Error(problem);
  const key = readKey(options);
  const release = readRelease(root, options.version);
  const lock = readLock(root);
  const files: WrittenFile[] = [];
  const { blob, inputs } = await agentBlob(root, release);
  for (const platform of options.platforms) {
    const name = executableName(platform, release.version);
    files.push({ name, bytes: await agentExecutable(root, lock, platform, blob), executable: true });
    const packages = [`node_modules/${platform.node}`];
    const bom = billOfMaterials({ name: 'tidemark-agent', release, inputs, packages }, lock);
    files.push({ name: `${name}.cdx.json`, bytes: Buffer.from(bom) });
  }
  files.push(...signedChecksums(files, key));
  putRelease(out, files);
  for (const { name, bytes } of files)
    process.stdout.write(`${String(bytes.length).padStart(11)}  ${join(out, name)}\n`);
  if (key === null) process.stderr.write('The checksums are not signed: give --key FILE to sign them.\n');
}

function readKey({ key, passphraseFile }: Options): KeyObject | null {
  if (key === undefined) return null;
  const passphrase = passphraseFile === undefined ? undefined : readFileSync(passphraseFile, 'utf8').trimEnd();
  try {
    return importPrivateKey(readFileSync(key, 'utf8'), passphrase);
  } catch (error) {
    throw new Error(
      `${key} gives no Ed25519 key: ${(error as Error).message}. Is it sealed? Then give --passphrase-file`,
    );
  }
}
