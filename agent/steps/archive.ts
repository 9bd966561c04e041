import { join } from 'node:path';
import { digestToBytes } from '@tidemark/shared/base/digest.ts';
import { createArchivePackages } from '../platform/archive-package.ts';
import { showBytes } from '../platform/file-system.ts';
import { artifactFile } from './artifact-stage.ts';
import { type Executor, report } from './executor.ts';

export const archiveInstall: Executor<'archive/install'> = async ({ product, version, home, digest }, context) => {
  const done = await createArchivePackages().install({
    product,
    version,
    home: context.resolve(home),
    file: artifactFile(context.stateDir, digest),
    sha256: digestToBytes(digest),
  });
  const what = {
    installed: 'is installed',
    verified: 'was there and is whole',
    repaired: 'was damaged and is replaced',
  };
  return report(
    `${product} ${version} ${what[done.how]} in ${join(home, 'releases', version)} (${done.files} files, ` +
      `${showBytes(done.bytes)}) and in use; before: ${done.from ?? 'none'}`,
    { product, version, ...done },
  );
};

export const archiveActivate: Executor<'archive/activate'> = async ({ product, version, home }, context) => {
  const { from, changed } = await createArchivePackages().activate({ product, version, home: context.resolve(home) });
  return report(
    changed ? `${product} ${version} is in use; before: ${from ?? 'none'}` : `${product} ${version} was in use already`,
    { product, version, from, changed },
  );
};
