import { z } from 'zod';
import type { Row } from './rows.ts';
import type { Section } from './schema.ts';

/*
 * How columns become records: for each section and field the column it comes from. Columns of JSON are named by their
 * path (`site.slug`); a key that is written exactly so counts first.
 */

const Column = z.string().min(1).max(256);
const Field = z.union([
  Column,
  z.strictObject({
    column: Column,
    /** Makes a list of a text. */
    split: z.string().min(1).max(8).optional(),
    /** What stands in the column, and what it means here; what is not named stays as it is. */
    values: z.record(z.string(), z.string()).optional(),
    /** What stands behind and before it does not belong to it: `10.0.0.5/24` before "/". */
    before: z.string().min(1).max(8).optional(),
  }),
  z.strictObject({ value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]) }),
]);
type Field = z.output<typeof Field>;

const fields = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map(name => [name, Field.optional()])) as Record<K, z.ZodOptional<typeof Field>>;
/** Only of rows whose column holds one of these. */
const when = z.strictObject({ column: Column, is: z.array(z.string()).min(1) }).optional();

export const Mapping = z.strictObject({
  hosts: z
    .strictObject({
      when,
      ...fields('name', 'application', 'environment', 'tags', 'addresses'),
      ids: z.record(z.string(), Field).default({}),
      attributes: z.record(z.string(), Field).default({}),
    })
    .optional(),
  components: z
    .strictObject({
      when,
      ...fields('name', 'host', 'application', 'tier', 'kind', 'product', 'home', 'package'),
      ...fields('uses', 'runsOn', 'partOf'),
      /** Units of systemd that run it. */
      units: Field.optional(),
    })
    .optional(),
  /** One row a member. */
  clusters: z.strictObject({ when, name: Field, member: Field }).optional(),
  applications: z.strictObject({ when, ...fields('name', 'owner', 'availability', 'penaltyClass') }).optional(),
  contracts: z.strictObject({ when, ...fields('kind', 'product', 'host', 'vendor', 'number', 'ends') }).optional(),
});
export type Mapping = z.output<typeof Mapping>;

type RawRow = Readonly<Record<string, unknown>>;

/** Makes rows of what a source has in its own columns. One row may say something of several sections. */
export function mapRows(mapping: Mapping, raw: Iterable<{ row: RawRow; origin: string }>): Row[] {
  const rows: Row[] = [];
  const clusters = new Map<unknown, { members: unknown[]; origin: string }>();
  for (const { row, origin } of raw) {
    const add = (section: Section, value: object) => rows.push({ section, value, origin });
    const { hosts, components, applications, contracts } = mapping;
    if (hosts && applies(hosts.when, row)) add('hosts', hostOf(hosts, row));
    if (components && applies(components.when, row)) add('components', componentOf(components, row));
    if (mapping.clusters && applies(mapping.clusters.when, row)) {
      const [name, member] = [fieldValue(mapping.clusters.name, row), fieldValue(mapping.clusters.member, row)];
      if (isSaid(name)) {
        const known = clusters.get(name) ?? { members: [], origin };
        clusters.set(name, known);
        if (isSaid(member) && !known.members.includes(member)) known.members.push(member);
      }
    }
    if (applications && applies(applications.when, row)) {
      const { availability, penaltyClass, ...rest } = said(applications, row);
      const level = { ...numeric('availability', availability), ...(isSaid(penaltyClass) ? { penaltyClass } : {}) };
      add('applications', { ...rest, ...(Object.keys(level).length > 0 ? { serviceLevel: level } : {}) });
    }
    if (contracts && applies(contracts.when, row)) add('contracts', said(contracts, row));
  }
  for (const [name, { members, origin }] of clusters)
    rows.push({ section: 'clusters', value: { name, members }, origin });
  return rows;
}

function hostOf({ ids, attributes, ...rest }: NonNullable<Mapping['hosts']>, row: RawRow): object {
  const { tags, addresses, ...one } = said(rest, row);
  return {
    ...one,
    ...listed('tags', tags),
    ...listed('addresses', addresses),
    ids: textsOf(said(ids, row)),
    attributes: said(attributes, row),
  };
}

function componentOf({ units, ...rest }: NonNullable<Mapping['components']>, row: RawRow): object {
  const { uses, runsOn, partOf, ...one } = said(rest, row);
  const names = units === undefined ? [] : asList(fieldValue(units, row));
  return {
    ...one,
    ...listed('uses', uses),
    ...listed('runsOn', runsOn),
    ...listed('partOf', partOf),
    ...(names.length > 0 ? { service: { provider: 'systemd', units: names } } : {}),
  };
}

type Columns = Readonly<Record<string, Field | z.output<typeof when> | undefined>>;

/** What the row says of each field; what is empty is not said. */
function said(columns: Columns, row: RawRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([field, column]) => {
      if (column === undefined || field === 'when') return [];
      const value = fieldValue(column as Field, row);
      return isSaid(value) ? [[field, value]] : [];
    }),
  );
}

function applies(condition: z.output<typeof when>, row: RawRow): boolean {
  return condition === undefined || condition.is.includes(String(lookUp(row, condition.column) ?? ''));
}

function fieldValue(field: Field, row: RawRow): unknown {
  if (typeof field === 'string') return trimmed(lookUp(row, field));
  if ('value' in field) return field.value;
  const { column, split, values, before } = field;
  const one = (value: unknown): unknown => {
    const text = trimmed(value);
    if (typeof text !== 'string') return text;
    const cut = before === undefined ? text : (text.split(before, 1)[0] ?? '');
    return values !== undefined && Object.hasOwn(values, cut) ? values[cut] : cut;
  };
  const value = lookUp(row, column);
  if (Array.isArray(value)) return value.map(one).filter(isSaid);
  if (split !== undefined && typeof value === 'string') return value.split(split).map(one).filter(isSaid);
  return one(value);
}

/** Own keys only: no column is called `constructor` unless the row has it. */
function lookUp(row: RawRow, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  for (const part of path.split('.')) {
    if (Array.isArray(value)) value = value.map(each => memberOf(each, part));
    else value = memberOf(value, part);
  }
  return value;
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as RawRow)[key] : undefined;

const trimmed = (value: unknown): unknown => (typeof value === 'string' ? value.trim() : value);
const isSaid = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : isSaid(value) ? [value] : []);
const listed = (key: string, value: unknown) => (isSaid(value) ? { [key]: asList(value) } : {});
const numeric = (key: string, value: unknown) => (isSaid(value) ? { [key]: Number(value) } : {});
const textsOf = (values: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, typeof value === 'number' ? String(value) : value]),
  );
