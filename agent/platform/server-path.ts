import { join } from 'node:path';

/**
 * Where a path of the server lies for an agent that has `root` as the server's root directory. Orders hold absolute
 * paths without `..` only (see the step vocabulary), so that nothing in one leads out.
 */
export const resolveBelow = (root: string, serverPath: string): string => join(root, serverPath);
