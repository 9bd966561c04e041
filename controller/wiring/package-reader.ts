import { err, ok } from '@tidemark/shared/base/result.ts';
import { harvestConfined } from '../harvest/confined.ts';
import { KeysFound, PackageFound, PackagesListed, TopFound } from '../harvest/request.ts';
import type { PackageReader } from '../signatures/ports.ts';

/** Has everything that others made read by a process of its own. */
export const packageReader: PackageReader = {
  package: async ({ file, ...request }) => {
    const read = await harvestConfined({ kind: 'package', ...request }, file, PackageFound);
    if (!read.ok) return err(read.error.message);
    const { files: _, list, ...found } = read.value;
    return ok({ ...found, list: Buffer.from(list, 'base64') });
  },
  top: ({ file, signature, ...request }) =>
    harvestConfined(
      { ...request, signature: signature === null ? null : signature.toString('base64') },
      file,
      TopFound,
    ),
  list: ({ file, ...request }) => harvestConfined(request, file, PackagesListed),
  keys: async armored => {
    const read = await harvestConfined({ kind: 'key', armored }, null, KeysFound);
    return read.ok ? read : err(read.error.message);
  },
};
