import { harvest, type Said } from '../harvest.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { HarvestProblem } from '../problem.ts';
import { memoryFile } from './packages.ts';

export const NOTHING_SAID: Said = { product: null, version: null, architecture: null, at: null, directory: false };

/** Why a package is refused, as `code: message`; `taken` for one that is not. Whatever else is thrown goes on. */
export async function refusal(
  bytes: Buffer | Promise<Buffer>,
  {
    name = 'package',
    said = {},
    limits = DEFAULT_LIMITS,
  }: { name?: string; said?: Partial<Said>; limits?: typeof DEFAULT_LIMITS } = {},
): Promise<string> {
  try {
    await harvest(memoryFile(await bytes, name), { ...NOTHING_SAID, ...said }, limits);
    return 'taken';
  } catch (error) {
    if (error instanceof HarvestProblem) return `${error.code}: ${error.message}`;
    throw error;
  }
}
