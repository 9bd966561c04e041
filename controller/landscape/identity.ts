import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import type { Conflict } from './conflicts.ts';
import { compareText } from './landscape.ts';
import type { Contribution, LandscapeRecords } from './records.ts';

export type HostRecord = LandscapeRecords['hosts'][number];

/** A record, and who gave it. */
export interface Told<R> {
  source: string;
  priority: number;
  record: R;
}

/** Records of several sources that are about one server. */
export interface HostGroup {
  /** Of the record that counts most. */
  name: string;
  told: Told<HostRecord>[];
}

/** That records with different names, or of different sources, are taken for one server, and why. */
export interface HostMatch {
  host: string;
  source: string;
  name: string;
  reason: string;
}

export interface MatchedHosts {
  groups: HostGroup[];
  matches: HostMatch[];
  conflicts: Conflict[];
  /** The host that a name means, whatever source it comes from; null where none does or where it is in doubt. */
  resolve(name: string): string | null;
}

const lower = (name: string): string => name.toLowerCase();
const labelOf = (name: string): string => lower(name).split('.', 1)[0] ?? '';
const isBare = (name: string): boolean => !name.includes('.');
const idKeys = ({ ids }: HostRecord): string[] => Object.entries(ids ?? {}).map(([system, id]) => `${system} ${id}`);

/**
 * Which records are about one server: by what other systems call it, then by its name (whatever its capitals, and without
 * its domain where only one of the two has one), then by an address. What could be two servers is a conflict.
 */
export function matchHosts(contributions: readonly Contribution[]): MatchedHosts {
  const index = new GroupIndex();
  const conflicts: Conflict[] = [];
  const matches: HostMatch[] = [];
  const dropped = new Set<HostGroup>();

  for (const { source, priority, records } of inOrder(contributions)) {
    for (const record of records.hosts) {
      const told = { source, priority, record };
      const found = index.find(record, source);
      if ('doubt' in found) {
        const origins = [record.origin, ...found.groups.flatMap(({ told }) => told.map(each => each.record.origin))];
        conflicts.push({ kind: 'two-records', subject: record.name, message: found.doubt, origins });
        for (const group of found.groups) dropped.add(group);
        continue;
      }
      const own = found.group?.told.find(each => each.source === source)?.record;
      if (found.group === null) index.add({ name: record.name, told: [told] }, record);
      else if (own === undefined) {
        found.group.told.push(told);
        index.learn(found.group, record);
        matches.push({ host: found.group.name, source, name: record.name, reason: found.reason });
      } else if (!isSame(own, record)) {
        const message = `${source} has two records for host ${record.name} that differ (${found.reason})`;
        conflicts.push({ kind: 'two-records', subject: record.name, message, origins: [own.origin, record.origin] });
        dropped.add(found.group);
      }
    }
  }
  const groups = index.groups.filter(group => !dropped.has(group));
  return { groups, matches, conflicts, resolve: name => index.resolve(name, dropped) };
}

/** Who counts most comes first and gives hosts their names. */
export const inOrder = (contributions: readonly Contribution[]): Contribution[] =>
  [...contributions].sort((a, b) => b.priority - a.priority || compareText(a.source, b.source));

/** Said twice in the same words, as an export with a row for each component of a host does. */
const isSame = ({ origin: _, ...a }: HostRecord, { origin: __, ...b }: HostRecord): boolean =>
  canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json);

type Found = { group: HostGroup | null; reason: string } | { doubt: string; groups: HostGroup[] };

class GroupIndex {
  readonly groups: HostGroup[] = [];
  readonly #byId = new Map<string, HostGroup>();
  readonly #byName = new Map<string, HostGroup>();
  readonly #byLabel = new Map<string, HostGroup[]>();
  readonly #byAddress = new Map<string, HostGroup[]>();

  add(group: HostGroup, record: HostRecord): void {
    this.groups.push(group);
    this.learn(group, record);
  }

  /** What this record adds to what the group can be known by. */
  learn(group: HostGroup, record: HostRecord): void {
    for (const id of idKeys(record)) this.#byId.set(id, group);
    this.#byName.set(lower(record.name), group);
    addOnce(this.#byLabel, labelOf(record.name), group);
    for (const address of record.addresses ?? []) addOnce(this.#byAddress, address, group);
  }

  find(record: HostRecord, source: string): Found {
    const byIds = [...new Set(idKeys(record).flatMap(id => this.#byId.get(id) ?? []))];
    const byName = this.#byName.get(lower(record.name));
    const [byId] = byIds;
    if (byIds.length > 1)
      return { doubt: `host ${record.name} has ids of ${names(byIds)}, which are different hosts`, groups: byIds };
    if (byId) {
      if (byName && byName !== byId) {
        const doubt = `by its ids host ${record.name} is ${byId.name}, by its name it is ${byName.name}`;
        return { doubt, groups: [byId, byName] };
      }
      const shared = idKeys(record).find(id => this.#byId.get(id) === byId);
      return { group: byId, reason: `both have the id ${shared}` };
    }
    if (byName) {
      const other = otherId(byName, record);
      if (other) return { doubt: `host ${record.name} has ${other}: was it replaced?`, groups: [byName] };
      return { group: byName, reason: 'same name' };
    }
    return this.#byLabelOrAddress(record, source);
  }

  #byLabelOrAddress(record: HostRecord, source: string): Found {
    // Two hosts of one source are two hosts, whatever their names have in common.
    const foreign = (groups: readonly HostGroup[]) =>
      groups.filter(group => !group.told.some(each => each.source === source) && !otherId(group, record));
    const labelled = foreign(this.#byLabel.get(labelOf(record.name)) ?? []).filter(
      group => isBare(group.name) !== isBare(record.name),
    );
    const [byLabel] = labelled;
    if (labelled.length > 1)
      return { doubt: `host ${record.name} could be ${names(labelled)}: which one?`, groups: [] };
    if (byLabel) return { group: byLabel, reason: 'same name but for its domain' };
    const addresses = record.addresses ?? [];
    const there = foreign([...new Set(addresses.flatMap(address => this.#byAddress.get(address) ?? []))]);
    const [byAddress] = there;
    if (there.length > 1)
      return { doubt: `host ${record.name} has addresses of ${names(there)}: which one is it?`, groups: [] };
    if (!byAddress) return { group: null, reason: '' };
    const shared = addresses.find(address => this.#byAddress.get(address)?.includes(byAddress));
    return { group: byAddress, reason: `both have the address ${shared}` };
  }

  resolve(name: string, dropped: ReadonlySet<HostGroup>): string | null {
    const named = this.#byName.get(lower(name));
    if (named) return dropped.has(named) ? null : named.name;
    const labelled = (this.#byLabel.get(labelOf(name)) ?? []).filter(group => isBare(group.name) !== isBare(name));
    const [only] = labelled;
    return only && labelled.length === 1 && !dropped.has(only) ? only.name : null;
  }
}

/** Another id in the same system: one name, two things. */
function otherId(group: HostGroup, record: HostRecord): string | null {
  for (const [system, id] of Object.entries(record.ids ?? {})) {
    const known = group.told.map(({ record }) => record.ids?.[system]).find(other => other !== undefined);
    if (known !== undefined && known !== id) return `the id ${id} in ${system}, where ${known} was known`;
  }
  return null;
}

function addOnce(lists: Map<string, HostGroup[]>, key: string, group: HostGroup): void {
  const list = lists.get(key);
  if (!list) lists.set(key, [group]);
  else if (!list.includes(group)) list.push(group);
}

const names = (groups: readonly HostGroup[]): string => groups.map(({ name }) => name).join(' and ');
