import type { Grouping } from '../matrix/rows.ts';

/** What an address says after its `?`, as far as it is known; whatever else is in it is left out. */
type Given = Record<string, unknown>;

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const oneOf = <T extends string>(value: unknown, all: readonly T[]): T | undefined => all.find(one => one === value);
const given = <T extends object>(search: T): { [K in keyof T]?: T[K] } =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as never;

export const runSearch = (search: Given) =>
  given({
    group: oneOf<Grouping>(search['group'], ['wave', 'application', 'cluster', 'tier']),
    find: text(search['find']),
    problems: search['problems'] === true ? true : undefined,
    fold: search['fold'] === false ? false : undefined,
    host: text(search['host']),
    step: text(search['step']),
  });

export const incidentsSearch = (search: Given) =>
  given({
    state: oneOf(search['state'], ['open', 'resolved', 'all'] as const),
    run: text(search['run']),
    find: text(search['find']),
    id: typeof search['id'] === 'number' ? search['id'] : undefined,
  });

export const driftSearch = (search: Given) =>
  given({
    a: text(search['a']),
    b: text(search['b']),
    plane: oneOf(search['plane'], ['all', 'software', 'config'] as const),
    patches: search['patches'] === false ? false : undefined,
  });

export const hostsSearch = (search: Given) =>
  given({
    find: text(search['find']),
    state: oneOf(search['state'], ['silent', 'connected', 'not-enrolled', 'evicted', 'banned'] as const),
  });

export const administrationSearch = (search: Given) =>
  given({ tab: oneOf(search['tab'], ['agents', 'people', 'schedules', 'audit'] as const) });
