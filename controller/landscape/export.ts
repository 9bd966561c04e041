import { compareText, type LandscapeContent } from './landscape.ts';

/** What an inventory script of Ansible prints for `--list`, with all variables, so that it is never asked by host. */
export interface AnsibleList {
  _meta: { hostvars: Record<string, Record<string, unknown>> };
  all: { children: string[] };
  [group: string]: { hosts?: string[]; children?: string[] } | AnsibleList['_meta'];
}

/** Groups by application, environment, tag, cluster, tier and product. */
export function ansibleList({ hosts, components, clusters }: LandscapeContent): AnsibleList {
  const groups = new Map<string, Set<string>>();
  const put = (kind: string, value: string | null, host: string) => {
    if (value === null || value === '') return;
    const name = groupName(kind, value);
    groups.set(name, (groups.get(name) ?? new Set()).add(host));
  };
  for (const { name, application, environment, tags } of hosts) {
    put('app', application, name);
    put('env', environment, name);
    for (const tag of tags) put('tag', tag, name);
  }
  for (const { host, tier, product } of components) {
    put('tier', tier, host);
    put('product', product, host);
  }
  for (const { name, members } of clusters) for (const member of members) put('cluster', name, member);
  const grouped = new Set([...groups.values()].flatMap(members => [...members]));
  const alone = hosts.map(({ name }) => name).filter(name => !grouped.has(name));
  if (alone.length > 0) groups.set('ungrouped', new Set(alone));
  const named = [...groups].sort(([a], [b]) => compareText(a, b));
  const own = Map.groupBy(components, ({ host }) => host);
  const hostvars = hosts.map(({ name, application, environment, tags, attributes, addresses }) => {
    const [address] = addresses ?? [];
    const tidemark = {
      application,
      environment,
      tags,
      attributes,
      components: (own.get(name) ?? []).map(each => each.name),
    };
    return [name, { ...(address === undefined ? {} : { ansible_host: address }), tidemark }] as const;
  });
  return {
    _meta: { hostvars: Object.fromEntries(hostvars) },
    all: { children: named.map(([name]) => name) },
    ...Object.fromEntries(named.map(([name, members]) => [name, { hosts: [...members].sort(compareText) }])),
  };
}

/** Ansible takes letters, digits and "_", and no digit first. */
const groupName = (kind: string, value: string): string => `${kind}_${value.replace(/[^A-Za-z0-9_]/g, '_')}`;

/**
 * Hosts as CSV. A cell that a spreadsheet would take for a formula gets a "'" before it: attributes come from
 * everywhere, and one of them must not run on the machine of who opens the file.
 */
export function hostsCsv({ hosts, components, clusters }: LandscapeContent): string {
  const own = Map.groupBy(components, ({ host }) => host);
  const clusterOf = new Map(clusters.flatMap(({ name, members }) => members.map(member => [member, name] as const)));
  const rows = hosts.map(({ name, application, environment, tags, addresses = [], attributes }) => [
    ...[name, application ?? '', environment ?? '', tags.join(' '), addresses.join(' '), clusterOf.get(name) ?? ''],
    (own.get(name) ?? []).map(each => each.name).join(' '),
    Object.keys(attributes).length === 0 ? '' : JSON.stringify(attributes),
  ]);
  const head = ['host', 'application', 'environment', 'tags', 'addresses', 'cluster', 'components', 'attributes'];
  return [head, ...rows].map(row => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n;\t]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
