import type { ExactPackage } from '@tidemark/shared/orders/kinds/package.ts';
import { commands } from './apt-commands.ts';
import { isThere, type WantedFile, wantedFile } from './apt-files.ts';
import {
  parseCandidates,
  parseErrors,
  parseSimulation,
  parseUnavailable,
  parseUnmet,
  type Simulation,
} from './apt-output.ts';
import { checkPins } from './apt-pins.ts';
import { type AptState, brokenIn, isWell, keyOf, specOf } from './apt-state.ts';
import {
  type ChangeRequest,
  describeChanges,
  OsPackageProblem,
  type SizedNeed,
  type VersionChange,
} from './os-package.ts';
import { list } from './os-package-problems.ts';
import type { Tool, ToolEnd } from './os-package-tool.ts';

/** What a request comes to on this server: nothing is open any more, and nothing has changed yet. */
export interface Resolved extends SizedNeed {
  /** For apt: `demo-svc=1.1`. Empty where all is so already. */
  specs: string[];
  unchanged: string[];
  /** Of the changes those that are not listed. */
  others: string[];
  files: WantedFile[];
}

export type Wish = Pick<ChangeRequest, 'packages' | 'others' | 'mode'>;

export async function resolveWish(tool: Tool, root: string, state: AptState, wish: Wish): Promise<Resolved> {
  const isSo = (exact: ExactPackage) => {
    const found = state.byKey.get(keyOf(exact, state.native));
    return found !== undefined && found.version === exact.version && isWell(found);
  };
  const open = wish.packages.filter(exact => !isSo(exact));
  const unchanged = wish.packages.filter(isSo).map(({ name }) => name);
  if (open.length === 0)
    return {
      specs: [],
      unchanged,
      changes: [],
      others: [],
      files: [],
      sizes: new Map(),
      downloadBytes: 0,
      unpackedBytes: 0,
    };
  checkBefore(state, open, wish.mode);
  await checkPins(tool, root, open, state.native);
  const specs = open.map(exact => specOf(exact, state.native));
  const simulated = await tool.ask(commands.simulate(specs));
  if (simulated.status !== 0) throw cannotBeginWith(simulated);
  const simulation = parseSimulation(simulated.text);
  const others = checkSimulation(simulation, open, state, wish.others);
  const files = await filesFor(tool, simulation.changes, open, state);
  const missing = files.filter(file => !isThere(root, file));
  return {
    specs,
    unchanged,
    changes: simulation.changes,
    others,
    files,
    sizes: new Map(
      simulation.changes.flatMap(({ name }, index) => {
        const candidate = files[index]?.candidate;
        return candidate ? [[name, { downloadBytes: candidate.bytes, unpackedBytes: candidate.unpackedBytes }]] : [];
      }),
    ),
    downloadBytes: missing.reduce((sum, { candidate }) => sum + candidate.bytes, 0),
    unpackedBytes: files.reduce((sum, { candidate }) => sum + candidate.unpackedBytes, 0),
  };
}

function checkBefore(state: AptState, open: readonly ExactPackage[], mode: ChangeRequest['mode']): void {
  const found = open.map(exact => ({ exact, installed: state.byKey.get(keyOf(exact, state.native)) }));
  const absent = found.filter(({ installed }) => !installed).map(({ exact }) => exact.name);
  if (mode === 'upgrade' && absent.length > 0)
    throw new OsPackageProblem(
      'not-installed',
      `${list(absent)} cannot be upgraded: not installed here; collect the inventory and plan again`,
      { packages: absent },
    );
  const held = found.filter(({ installed }) => installed?.held).map(({ exact }) => exact.name);
  if (held.length > 0)
    throw new OsPackageProblem(
      'held',
      `${list(held)} is held on this server, so its owner wants no change of it; take the hold away or the package out of the bundle`,
      { packages: held },
    );
  const own = new Set(open.map(({ name }) => name));
  const broken = brokenIn(state).filter(({ name }) => !own.has(name));
  if (broken.length > 0)
    throw new OsPackageProblem(
      'broken',
      `${list(broken.map(each => `${each.name} (${each.state})`))} was left half way by something before; ` +
        'run the step package/repair, or "dpkg --configure -a" by hand, and try again',
      { broken },
    );
}

/** The names of others that change too. */
function checkSimulation(
  { changes, removals, configured }: Simulation,
  open: readonly ExactPackage[],
  state: AptState,
  others: ChangeRequest['others'],
): string[] {
  const listed = new Map(open.map(exact => [keyOf(exact, state.native), exact.version]));
  for (const [key, version] of listed) {
    const change = changes.find(each => each.name === key);
    // One that was left half way at its version has only to be configured.
    if (change?.to === version || (!change && configured.includes(key))) continue;
    throw new OsPackageProblem(
      'unavailable',
      `apt would not bring ${key} to ${version}${change ? ` but to ${change.to}` : ''}; look at its pins and holds`,
    );
  }
  if (removals.length > 0)
    throw new OsPackageProblem(
      'others',
      `${describeChanges(changes)} needs packages removed: ${describeChanges(removals)}; nothing was changed`,
      { removals },
    );
  const more = changes.filter(change => !listed.has(change.name));
  if (more.length > 0 && others === 'refuse')
    throw new OsPackageProblem(
      'others',
      `${list([...listed.keys()])} changes others too, which are not in the order: ${describeChanges(more)}; ` +
        'nothing was changed; put them into the bundle, or allow others in the policy',
      { others: more },
    );
  return more.map(({ name }) => name);
}

async function filesFor(
  tool: Tool,
  changes: readonly VersionChange[],
  open: readonly ExactPackage[],
  state: AptState,
): Promise<WantedFile[]> {
  const byKey = new Map(open.map(exact => [keyOf(exact, state.native), exact]));
  const candidates = await candidatesOf(
    tool,
    changes.map(({ name, to }) => `${name}=${to}`),
  );
  return changes.map(({ name, to }) => {
    const own = candidates.filter(each => keyOf(each, state.native) === name && each.version === to);
    const file = wantedFile(own, byKey.get(name));
    if (!file)
      throw new OsPackageProblem('unavailable', `no repository says what ${name} ${to} is; refresh and try again`);
    return file;
  });
}

/** What the repositories' lists say about these; several where several repositories have it. */
export async function candidatesOf(tool: Tool, specs: readonly string[]) {
  if (specs.length === 0) return [];
  const shown = await tool.ask(commands.candidates(specs));
  return parseCandidates(shown.text);
}

/** apt's refusal to begin, in our words. */
export function cannotBeginWith(end: ToolEnd): OsPackageProblem {
  const missing = parseUnavailable(end.text);
  if (missing.length > 0)
    return new OsPackageProblem(
      'unavailable',
      `${list(missing)} is in none of this server's repositories; refresh their lists, or correct the version in the bundle`,
      { packages: missing },
    );
  const unmet = parseUnmet(end.text);
  if (unmet !== null)
    return new OsPackageProblem('others', `the versions do not fit each other: ${unmet}; nothing was changed`);
  return new OsPackageProblem('failed', `apt refuses: ${parseErrors(end.text) || end.lastLine}; nothing was changed`);
}
