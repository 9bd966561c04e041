import { z } from 'zod';
import { mapRows } from '../mapping.ts';
import type { Row } from '../rows.ts';
import type { LandscapeSource } from '../source.ts';
import { SourceProblem } from './connector.ts';
import type { JsonAnswer } from './http-json.ts';
import { allPages } from './pages.ts';

/** Its own default of 10,000 makes answers that time out. */
const PAGE_SIZE = 1_000;

type Settings = Extract<LandscapeSource['connector'], { kind: 'servicenow' }>;

const Fields = z.record(z.string(), z.unknown());
const List = z.object({ result: z.array(Fields) });

/**
 * Rows of tables by ServiceNow's Table API. Fields come as their display values, references as the name of what they point
 * to. `sys_id` is what a record is known by.
 */
export async function readServiceNow(settings: Settings, get: (url: URL) => Promise<JsonAnswer>): Promise<Row[]> {
  const base = new URL(settings.url.endsWith('/') ? settings.url : `${settings.url}/`);
  const list = (table: string, query: string, fields: readonly string[], display: 'true' | 'false') =>
    allPages({
      what: `servicenow ${table}`,
      pageSize: PAGE_SIZE,
      // What a user may not read is left out of a page that counts it.
      pagesAreFixed: true,
      idOf: item => text((item as Record<string, unknown>)['sys_id']),
      page: async (offset, limit) => {
        const url = new URL(`api/now/table/${table}`, base);
        url.searchParams.set('sysparm_query', [query, 'ORDERBYsys_id'].filter(part => part !== '').join('^'));
        url.searchParams.set('sysparm_display_value', display);
        url.searchParams.set('sysparm_exclude_reference_link', 'true');
        url.searchParams.set('sysparm_limit', String(limit));
        url.searchParams.set('sysparm_offset', String(offset));
        if (fields.length > 0) url.searchParams.set('sysparm_fields', [...new Set(['sys_id', ...fields])].join(','));
        const { body, headers } = await get(url);
        const parsed = List.safeParse(body);
        if (!parsed.success)
          throw new SourceProblem(
            'source-answer',
            `servicenow ${table} does not answer as the Table API does: there is no list "result" in it`,
          );
        const total = Number(headers['x-total-count'] ?? Number.NaN);
        return { items: parsed.data.result, total: Number.isSafeInteger(total) ? total : null };
      },
    });

  const rows: Row[] = [];
  const named = new Map<string, string>();
  for (const { table, query, fields, mapping } of settings.tables) {
    const raw = (await list(table, query, fields, 'true')).map(item => {
      const row = item as Record<string, unknown>;
      return { row, origin: `servicenow ${table} ${row['sys_id']}` };
    });
    const missing = fields.filter(field => raw.length > 0 && raw.every(({ row }) => !Object.hasOwn(row, field)));
    if (missing.length > 0)
      throw new SourceProblem(
        'source-answer',
        `servicenow ${table} has no field ${missing.join(', ')}: was it renamed, or may this user not read it?`,
      );
    for (const row of mapRows(mapping, raw)) {
      rows.push(row);
      const id = row.origin.split(' ').at(-1) ?? '';
      const value = row.value as { name?: string; host?: string; ids?: object };
      if (row.section === 'hosts') row.value = { ...value, ids: { ...value.ids, servicenow: id } };
      if (row.section === 'components' && value.name && value.host) named.set(id, `${value.name}@${value.host}`);
    }
  }
  if (settings.relations)
    addRelations(rows, named, await list('cmdb_rel_ci', '', ['parent', 'child', 'type'], 'false'));
  return rows;
}

/** Relations between two components that were taken: the parent needs the child, whatever the relation is called. */
function addRelations(rows: Row[], named: ReadonlyMap<string, string>, relations: readonly unknown[]): void {
  const uses = new Map<string, string[]>();
  for (const item of relations) {
    const { parent, child } = item as Record<string, unknown>;
    const [from, to] = [text(parent) ?? '', named.get(text(child) ?? '')];
    if (!named.has(from) || to === undefined) continue;
    uses.set(from, [...(uses.get(from) ?? []), to]);
  }
  for (const row of rows) {
    const more = row.section === 'components' ? uses.get(row.origin.split(' ').at(-1) ?? '') : undefined;
    if (more)
      row.value = {
        ...(row.value as object),
        uses: [...new Set([...((row.value as { uses?: string[] }).uses ?? []), ...more])],
      };
  }
}

/** A reference is a text or, where links were asked for, `{value, link}`. */
function text(value: unknown): string | null {
  const plain = typeof value === 'object' && value !== null ? (value as { value?: unknown }).value : value;
  return typeof plain === 'string' && plain !== '' ? plain : null;
}
