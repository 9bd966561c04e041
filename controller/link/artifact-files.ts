import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestToBytes } from '@tidemark/shared/base/digest.ts';
import type { FindArtifact } from './ports.ts';

/** Artifacts in files that are called as their digest (`<stateDir>/artifacts/<hex>`), for every host of the fleet. */
export const artifactsIn =
  (directory: string): FindArtifact =>
  async digest => {
    const file = join(directory, digestToBytes(digest).toString('hex'));
    const found = await stat(file).catch(() => null);
    return found?.isFile() ? { file, bytes: found.size } : null;
  };
