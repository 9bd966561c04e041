import type { GivenFile } from '../by-hand.ts';
import type { Landscape } from '../landscape.ts';
import type { ImportRecord, LandscapeStore, SourceStore, StoredSource } from '../ports.ts';
import type { Contribution } from '../records.ts';

/** All or nothing, in memory. */
export function memoryLandscape() {
  const state = {
    versions: [] as Landscape[],
    contributions: new Map<string, Contribution>(),
    imports: [] as ImportRecord[],
    audited: [] as string[],
    auditFails: false,
  };
  const current = async () => state.versions.at(-1) ?? null;
  const store: LandscapeStore = {
    current,
    version: async version => state.versions.find(each => each.version === version) ?? null,
    versions: async limit =>
      state.versions
        .slice(-limit)
        .reverse()
        .map(({ hosts, components, clusters, ...rest }) => ({
          ...rest,
          ...{ hosts: hosts.length, components: components.length, clusters: clusters.length },
        })),
    imports: async ({ source, limit }) =>
      state.imports.filter(each => source === null || each.source === source).slice(-limit),
    lastImports: async () => [...new Map(state.imports.map(each => [each.source, each])).values()],
    record: async entry => void state.imports.push(entry),
    hostsBeside: async source =>
      state.contributions.size === 0
        ? null
        : [...state.contributions.values()].flatMap(each =>
            each.source === source ? [] : each.records.hosts.map(({ name }) => name),
          ),
    transaction: async work => {
      const before = structuredClone({
        versions: state.versions,
        contributions: state.contributions,
        imports: state.imports,
      });
      try {
        return await work({
          lock: async () => {},
          current,
          contributions: async () => [...state.contributions.values()],
          add: async landscape => void state.versions.push(landscape),
          putContribution: async contribution => void state.contributions.set(contribution.source, contribution),
          removeContribution: async source => void state.contributions.delete(source),
          record: async entry => void state.imports.push(entry),
          audit: async ({ action, subject }) => {
            if (state.auditFails) throw new Error('the audit log cannot be written');
            state.audited.push(`${action} ${subject}`);
          },
        });
      } catch (error) {
        Object.assign(state, before);
        throw error;
      }
    },
  };
  return { state, store };
}

export function memorySources(): SourceStore {
  const kept = new Map<string, StoredSource>();
  const change = (name: string, more: Partial<StoredSource>) => {
    const known = kept.get(name);
    if (known) kept.set(name, { ...known, ...more });
  };
  return {
    sources: async () => [...kept.values()],
    source: async name => kept.get(name) ?? null,
    put: async source =>
      void kept.set(source.name, {
        attemptedAt: null,
        goodAt: null,
        problem: null,
        ...kept.get(source.name),
        ...source,
      }),
    remove: async name => kept.delete(name),
    due: async now => [...kept.values()].filter(({ nextDueAt }) => nextDueAt !== null && nextDueAt <= now),
    claim: async (name, dueAt, nextDueAt) => {
      if (kept.get(name)?.nextDueAt !== dueAt) return false;
      change(name, { nextDueAt });
      return true;
    },
    attempted: async (name, { at, problem }) =>
      change(name, { attemptedAt: at, problem, ...(problem === null ? { goodAt: at } : {}) }),
  };
}

/** A file that somebody gives, as most do. */
export const given = (file: Pick<GivenFile, 'text'> & Partial<GivenFile>): GivenFile => ({
  ...{ fileName: 'landscape.yaml', mapping: null, as: null, by: 'ada' },
  ...{ preview: false, leaveOut: false, allowDrop: false },
  ...file,
});
