import { z } from 'zod';
import { Mapping, mapRows } from '../mapping.ts';
import type { Row } from '../rows.ts';
import type { LandscapeSource } from '../source.ts';
import { SourceProblem } from './connector.ts';
import type { JsonAnswer } from './http-json.ts';
import { allPages } from './pages.ts';

/** NetBox gives 1,000 at most, unless it is told otherwise. */
const PAGE_SIZE = 500;

type Settings = Extract<LandscapeSource['connector'], { kind: 'netbox' }>;

const List = z.object({ count: z.int().min(0), results: z.array(z.looseObject({ id: z.int() })) });
const Named = z.looseObject({ name: z.string().nullish(), slug: z.string().nullish() }).nullish();
const Machine = z.looseObject({
  id: z.int(),
  /** Devices need none; one that has none is no host that an agent could run on. */
  name: z.string().nullable(),
  cluster: Named,
  primary_ip4: z.looseObject({ address: z.string() }).nullish(),
  primary_ip6: z.looseObject({ address: z.string() }).nullish(),
});
const Service = z.looseObject({
  id: z.int(),
  name: z.string(),
  ports: z.array(z.int()).default([]),
  device: z.looseObject({ id: z.int() }).nullish(),
  virtual_machine: z.looseObject({ id: z.int() }).nullish(),
  /** Since NetBox 4.3 in the place of the two above. */
  parent_object_type: z.string().nullish(),
  parent_object_id: z.int().nullish(),
});

/** What NetBox knows becomes what policies select by; a source's own mapping says it otherwise. */
const DEFAULT: Mapping = Mapping.parse({
  hosts: {
    name: 'name',
    application: 'custom_fields.application',
    environment: 'custom_fields.environment',
    tags: 'tags.slug',
    attributes: {
      site: 'site.slug',
      rack: 'rack.name',
      role: 'role.slug',
      platform: 'platform.slug',
      tenant: 'tenant.slug',
    },
  },
});

/**
 * Devices, virtual machines and the services on them, by NetBox's REST API (3.x and 4.x). Pages are asked for by offset and
 * its `next` is not followed: behind a proxy it often names an address that leads nowhere, or elsewhere.
 */
export async function readNetBox(
  settings: Settings,
  mapping: Mapping | undefined,
  get: (url: URL) => Promise<JsonAnswer>,
): Promise<Row[]> {
  const base = new URL(settings.url.endsWith('/') ? settings.url : `${settings.url}/`);
  const list = (path: string, filter: Settings['filter'] = {}) =>
    allPages({
      what: `netbox ${path}`,
      pageSize: PAGE_SIZE,
      // A server may give fewer than it was asked for.
      pagesAreFixed: false,
      idOf: item => String((item as { id: number }).id),
      page: async (offset, limit) => {
        const url = new URL(`api/${path}/`, base);
        for (const [name, value] of Object.entries(filter))
          for (const one of [value].flat()) url.searchParams.append(name, one);
        // Without an order pages overlap.
        for (const [name, value] of [
          ['ordering', 'id'],
          ['limit', String(limit)],
          ['offset', String(offset)],
        ] as const)
          url.searchParams.set(name, value);
        const { results, count } = shaped(List, (await get(url)).body, path);
        return { items: results, total: count };
      },
    });

  const named = new Map<string, string>();
  const raw: { row: Record<string, unknown>; origin: string }[] = [];
  for (const [kind, path, wanted] of [
    ['device', 'dcim/devices', settings.devices],
    ['virtualmachine', 'virtualization/virtual-machines', settings.virtualMachines],
  ] as const) {
    if (!wanted) continue;
    for (const item of await list(path, settings.filter)) {
      const machine = shaped(Machine, item, path);
      if (machine.name === null || machine.name === '') continue;
      named.set(`${kind}/${machine.id}`, machine.name);
      raw.push({ row: { ...machine, tidemark: { kind } }, origin: `netbox ${kind} ${machine.id}` });
    }
  }
  const rows = mapRows(mapping ?? DEFAULT, raw);
  const byOrigin = new Map(raw.map(({ row, origin }) => [origin, row]));
  for (const row of rows)
    if (row.section === 'hosts') row.value = identified(row.value as object, byOrigin.get(row.origin) ?? {});
  if (settings.services) rows.push(...serviceRows(await list('ipam/services'), named));
  return rows;
}

/** Ids and addresses are NetBox's own, whatever the mapping says of the rest. */
function identified(host: { ids?: object; addresses?: string[] }, machine: Record<string, unknown>): object {
  const {
    id,
    primary_ip4: v4,
    primary_ip6: v6,
    tidemark,
  } = machine as z.output<typeof Machine> & { tidemark: { kind: string } };
  const addresses = [v4, v6].flatMap(ip => (ip ? [ip.address.split('/', 1)[0] ?? ''] : []));
  return {
    ...host,
    ids: { ...host.ids, netbox: `${tidemark.kind}/${id}` },
    addresses: [...(host.addresses ?? []), ...addresses],
  };
}

function serviceRows(items: readonly unknown[], named: ReadonlyMap<string, string>): Row[] {
  return items.flatMap((item): Row[] => {
    const service = shaped(Service, item, 'ipam/services');
    const parent =
      service.parent_object_id != null
        ? `${service.parent_object_type?.split('.').at(-1)}/${service.parent_object_id}`
        : service.device
          ? `device/${service.device.id}`
          : `virtualmachine/${service.virtual_machine?.id}`;
    const host = named.get(parent);
    // Of a machine that the filter leaves out.
    if (host === undefined) return [];
    return [
      {
        section: 'components',
        value: { name: service.name, host, kind: 'service' },
        origin: `netbox service ${service.id}`,
      },
    ];
  });
}

function shaped<S extends z.ZodType>(schema: S, value: unknown, path: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SourceProblem(
    'source-answer',
    `netbox ${path} does not answer as NetBox 3 and 4 do: ${issue?.path.join('.') || 'the answer'}: ${issue?.message}. Was it upgraded?`,
  );
}
