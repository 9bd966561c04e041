import type { Difference } from './differences.ts';
import type { ProductHome } from './records.ts';

/** What an agent found of the code that its server runs, beside what lies on the disk. */
export interface RunningCode {
  /** Why the server must be booted to run what is installed; empty where it need not. */
  reboot: readonly string[];
  /** Who runs files that have been replaced. */
  stale: readonly { unit: string; processes: readonly string[]; files: readonly string[] }[];
}

/**
 * What was patched on the disk and is not what runs: services that still map the old files, and a server that must be booted.
 * Without this a patch that nobody restarted anything for would look complete. Pure.
 */
export function notLoaded(host: string, running: RunningCode | null, products: readonly ProductHome[]): Difference[] {
  if (!running) return [];
  const base = { class: 'not-loaded' as const, version: null, plane: 'software' as const };
  const productOf = (path: string) => products.find(({ home }) => path.startsWith(`${home}/`))?.product ?? null;
  return [
    ...running.reboot.map(reason => ({
      ...base,
      product: null,
      path: '/',
      expected: 'a boot since',
      found: 'none',
      note: `${host} must be booted: ${reason}`,
    })),
    ...running.stale.flatMap(({ unit, processes, files }) =>
      files.map(path => ({
        ...base,
        product: productOf(path),
        path,
        expected: 'loaded anew',
        found: 'the one before',
        note: `${unit} on ${host} still runs the file that was replaced (${processes.join(', ')}): restart it`,
      })),
    ),
  ];
}
