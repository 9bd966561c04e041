import type { CommandPlace } from './command.ts';
import { createTool } from './os-package-tool.ts';
import { findTool } from './tools.ts';

/* What the tools of distributions say of a reboot. One that is not installed, or cannot be asked, has no say. */

/** Kernels count where the server boots its own; a container's are never booted. */
export async function needrestartReason(place: CommandPlace): Promise<string | null> {
  return ask('needrestart', ['-b', '-k'], place, parseNeedrestart);
}

/** Of dnf-utils (a program of its own) or of dnf's plugin. */
export async function dnfReason(place: CommandPlace, kernels: boolean): Promise<string | null> {
  const parse: Parse = (text, status) => parseNeedsRestarting(text, status, kernels);
  if (findTool(place.root, 'needs-restarting') !== null) return ask('needs-restarting', ['-r'], place, parse);
  return ask('dnf', ['-q', '-C', '--color=never', 'needs-restarting', '-r'], place, parse);
}

export async function zypperReason(place: CommandPlace): Promise<string | null> {
  return ask('zypper', ['--quiet', '--no-color', '--non-interactive', 'needs-rebooting'], place, (_, status) =>
    readNeedsRebooting(status),
  );
}

type Parse = (text: string, status: number | null) => string | null;

async function ask(name: string, args: readonly string[], place: CommandPlace, parse: Parse): Promise<string | null> {
  const program = findTool(place.root, name);
  if (program === null) return null;
  try {
    const { text, status } = await createTool(place, {}).ask([program, ...args]);
    return parse(text, status);
  } catch {
    // It may not be run by this user, or is broken itself: the other sources stand.
    return null;
  }
}

/** Pure: reads `needrestart -b`. KSTA (README.batch.md): 0 unknown, 1 none pending, 2 one of the same ABI, 3 a new version. */
export function parseNeedrestart(text: string): string | null {
  const of = (name: string) => new RegExp(`^NEEDRESTART-${name}: (.+)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const status = Number(of('KSTA') || 0);
  if (status < 2) return null;
  const kernels = of('KEXP') === '' ? '' : `: kernel ${of('KCUR')} runs, ${of('KEXP')} is expected`;
  return `needrestart says that a kernel upgrade is pending${kernels}`;
}

/**
 * Pure: reads `needs-restarting -r` of dnf 4, dnf 5 and yum-utils. It ends with 1 where a reboot is needed, and also where
 * it failed itself: the sentence tells them apart.
 */
export function parseNeedsRestarting(text: string, status: number | null, kernels: boolean): string | null {
  if (status !== 1 || !/^Reboot is required\b/m.test(text)) return null;
  const said = [...text.matchAll(/^ {2}\* (\S+)/gm)].map(([, name = '']) => name);
  const packages = kernels ? said : said.filter(name => !/^kernel(-|$)/.test(name));
  if (said.length > 0 && packages.length === 0) return null;
  return `dnf needs-restarting says that a reboot is required${packages.length > 0 ? `, because of ${packages.join(', ')}` : ''}`;
}

/** zypper(8), exit codes: ZYPPER_EXIT_INF_REBOOT_NEEDED. */
const REBOOT_NEEDED = 102;

/** Pure. */
export const readNeedsRebooting = (status: number | null): string | null =>
  status === REBOOT_NEEDED ? 'zypper needs-rebooting says that a core library or service was updated' : null;
