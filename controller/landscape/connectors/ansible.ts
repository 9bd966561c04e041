import { isIP } from 'node:net';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import { formatDocumentError } from '../../documents/errors.ts';
import { readDocument } from '../../documents/read.ts';
import { type Mapping, mapRows } from '../mapping.ts';
import type { Row } from '../rows.ts';
import { type AnsibleInventory, emptyInventory, groupOf, parseAnsibleIni, varsOf } from './ansible-ini.ts';

const Vars = z.record(z.string(), z.unknown());
const ListedGroup = z.union([
  z.array(z.string()),
  z.strictObject({
    hosts: z.array(z.string()).default([]),
    children: z.array(z.string()).default([]),
    vars: Vars.default({}),
  }),
]);
const Listed = z.looseObject({ _meta: z.looseObject({ hostvars: z.record(z.string(), Vars).default({}) }) });

interface YamlGroup {
  hosts?: Record<string, Record<string, unknown> | null> | null | undefined;
  children?: Record<string, YamlGroup | null> | null | undefined;
  vars?: Record<string, unknown> | null | undefined;
}
const YamlGroup: z.ZodType<YamlGroup> = z.lazy(() =>
  z.strictObject({
    hosts: z.record(z.string(), Vars.nullable()).nullish(),
    children: z.record(z.string(), YamlGroup.nullable()).nullish(),
    vars: Vars.nullish(),
  }),
);
const YamlInventory = z.record(z.string(), YamlGroup.nullable());

/** What `--list` prints. A script without `_meta` would have to be asked once for each host, and is not. */
export function parseAnsibleList(text: string): Result<AnsibleInventory, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return err('is no JSON');
  }
  const listed = Listed.safeParse(json);
  if (!listed.success) return err('has no "_meta" with "hostvars": let the script print them, as --list should');
  const { _meta, ...groups } = listed.data;
  const inventory = emptyInventory();
  for (const [host, vars] of Object.entries(_meta.hostvars)) inventory.hostvars.set(host, vars);
  for (const [name, value] of Object.entries(groups)) {
    const group = ListedGroup.safeParse(value);
    if (!group.success)
      return err(`has a group ${name.slice(0, 80)} that is neither a list nor {hosts, children, vars}`);
    const { hosts, children, vars } = Array.isArray(group.data)
      ? { hosts: group.data, children: [], vars: {} }
      : group.data;
    inventory.groups.set(name, { hosts: new Set(hosts), children: new Set(children), vars });
    for (const host of hosts) varsOf(inventory, host);
  }
  return ok(inventory);
}

/** A static inventory: INI, or YAML where it is one. */
export function parseAnsibleFile(text: string, fileName: string): Result<AnsibleInventory, string> {
  if (!/\.(ya?ml|json)$/i.test(fileName)) return parseAnsibleIni(text);
  const read = readDocument(text, fileName, YamlInventory);
  if (!read.ok) return err(read.error.map(formatDocumentError).join('\n'));
  const inventory = emptyInventory();
  const take = (name: string, group: YamlGroup | null): void => {
    const known = groupOf(inventory, name);
    Object.assign(known.vars, group?.vars ?? {});
    for (const [host, vars] of Object.entries(group?.hosts ?? {})) {
      known.hosts.add(host);
      Object.assign(varsOf(inventory, host), vars ?? {});
    }
    for (const [child, inner] of Object.entries(group?.children ?? {})) {
      known.children.add(child);
      take(child, inner);
    }
  };
  for (const [name, group] of Object.entries(read.value.value)) take(name, group);
  return ok(inventory);
}

/** Variables that say how Ansible gets in. They are nobody's business here, and some are secrets. */
const isConnection = (name: string): boolean =>
  /^ansible_/.test(name) || /pass(word|wd|phrase)?|secret|token|private_key/i.test(name);

/**
 * A host is in the groups that name it and in all around them; these become tags. Variables become attributes, those of
 * groups where the host has none of its own; how Ansible connects is left out. With a mapping, columns are `name`, `groups`
 * and the variables.
 */
export function rowsOfInventory(inventory: AnsibleInventory, what: string, mapping: Mapping | undefined): Row[] {
  const parents = new Map<string, string[]>();
  for (const [name, { children }] of inventory.groups)
    for (const child of children) parents.set(child, [...(parents.get(child) ?? []), name]);
  const groupsOf = new Map<string, Set<string>>();
  for (const host of inventory.hostvars.keys()) groupsOf.set(host, new Set());
  for (const [name, { hosts }] of inventory.groups)
    for (const host of hosts) around(name, parents, groupsOf.get(host) ?? new Set());
  const raw = [...groupsOf].map(([host, groups]) => {
    const inherited = [...groups].reverse().flatMap(name => Object.entries(inventory.groups.get(name)?.vars ?? {}));
    const vars = Object.fromEntries([...inherited, ...Object.entries(inventory.hostvars.get(host) ?? {})]);
    return {
      name: host,
      groups: [...groups].filter(name => name !== 'all' && name !== 'ungrouped'),
      vars,
      origin: `${what}, host ${host}`,
    };
  });
  if (mapping)
    return mapRows(
      mapping,
      raw.map(({ vars, origin, ...row }) => ({ row: { ...vars, ...row }, origin })),
    );
  return raw.map(({ name, groups, vars, origin }) => {
    const address = vars['ansible_host'];
    return {
      section: 'hosts',
      value: {
        name,
        tags: groups,
        attributes: Object.fromEntries(Object.entries(vars).filter(([key]) => !isConnection(key))),
        ...(typeof address === 'string' && isIP(address) !== 0 ? { addresses: [address] } : {}),
      },
      origin,
    };
  });
}

/** Groups that contain each other end here and nowhere else. */
function around(name: string, parents: ReadonlyMap<string, string[]>, found: Set<string>): void {
  const open = [name];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (found.has(one)) continue;
    found.add(one);
    open.push(...(parents.get(one) ?? []));
  }
}
