import fs from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { HostIdentity } from '@tidemark/shared/fingerprint/normalise.ts';

/** What is the own of the server whose root directory this is; addresses are those of this machine. */
export function readHostIdentity(root: string): HostIdentity {
  const names = new Set<string>();
  for (const name of [readLine(join(root, 'etc/hostname')) || hostname()]) {
    names.add(name);
    names.add(name.split('.')[0] ?? '');
  }
  const addresses = Object.values(networkInterfaces()).flatMap(list =>
    (list ?? []).filter(({ internal }) => !internal).flatMap(({ address, mac }) => [address, mac]),
  );
  const ids = [readLine(join(root, 'etc/machine-id'))];
  return { names: [...names], addresses: [...new Set(addresses)], ids };
}

function readLine(file: string): string {
  try {
    return (fs.readFileSync(file, 'utf8').split('\n')[0] ?? '').trim();
  } catch {
    return '';
  }
}
