import type { Clock } from '@tidemark/shared/base/clock.ts';
import { didYouMean } from '@tidemark/shared/base/nearest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { Tree } from '@tidemark/shared/conditions/tree.ts';
import { Contents } from './contents.ts';
import { invalidQuery, type QueryError } from './errors.ts';
import { Evaluation, type GroupTrees, type HostView } from './evaluate.ts';
import { type Explained, explain } from './explain.ts';
import { readField, type ShownField, shownOf } from './fields.ts';
import { circleOf, kindsFor, namedIn, readQuery, treesOf } from './groups.ts';
import { viewHosts } from './hosts.ts';
import { changesBetween } from './judge.ts';
import type { ContentStore, KnownHost, QuerySources, QueryStore } from './ports.ts';
import type { Group, SavedQuery } from './records.ts';

export interface QueriesOptions {
  store: QueryStore;
  contents: ContentStore;
  sources: QuerySources;
  clock: Clock;
  maxAgeMs: number;
  /** Gives others their turn; a query asks for it between hosts. */
  yield?: () => Promise<void>;
}

export interface QueryPage {
  hosts: { name: string; fields: Record<string, unknown> }[];
  /** Hosts among those that were looked at of which the answer is not known, with why. */
  unknown: { name: string; why: string[] }[];
  lookedAt: number;
  /** Where the next page begins; null where there is none. */
  next: string | null;
}

/** Hosts whose sections are read at once: few at first, so that the first page comes soon. */
const FIRST_PORTION = 250;
const LARGEST_PORTION = 2_500;
/** Of the controller's time for one page; another page has it anew. */
const MOST_MS = 10_000;
/** Others wait no longer than this for their turn. */
const TURN_MS = 20;

export function createQueries({ store, contents: contentStore, sources, clock, maxAgeMs, ...options }: QueriesOptions) {
  const contents = new Contents(contentStore);
  const takeTurns = options.yield ?? (() => new Promise<void>(resolve => setImmediate(resolve)));

  const view = (hosts: readonly KnownHost[], kinds: ReadonlySet<string>) =>
    viewHosts(hosts, kinds, { store: contentStore, contents, maxAgeMs, now: clock.now() });

  async function read(text: string): Promise<Result<{ tree: Tree; trees: GroupTrees }, QueryError>> {
    const trees = treesOf(await store.groups());
    const tree = readQuery(text, new Set(trees.keys()));
    return tree.ok ? ok({ tree: tree.value, trees }) : err(invalidQuery(text, tree.error));
  }

  /** A saved one by `@name`, else the text itself. */
  async function textOf(given: string): Promise<Result<string, QueryError>> {
    if (!given.startsWith('@')) return ok(given);
    const saved = await store.saved();
    const found = saved.find(({ name }) => name === given.slice(1));
    if (found) return ok(found.text);
    const near = didYouMean(
      given.slice(1),
      saved.map(({ name }) => name),
    );
    return err({
      code: 'query-unknown',
      message: `no query is saved as ${given.slice(1)}${near}: "tidemark get queries" lists them`,
    });
  }

  async function oneHost(name: string, kinds: ReadonlySet<string>): Promise<Result<HostView, QueryError>> {
    const known = await sources.hosts();
    const host = known.find(({ said }) => said.name === name);
    if (!host) {
      const near = didYouMean(
        name,
        known.map(({ said }) => said.name),
      );
      return err({ code: 'host-unknown', message: `there is no host ${name}${near}: "tidemark get hosts" lists them` });
    }
    const [found] = await view([host], kinds);
    return found ? ok(found) : err({ code: 'host-unknown', message: `there is no host ${name}` });
  }

  return {
    /** Hosts for which a condition holds, by name, after the one that is named. */
    async query(input: {
      text: string;
      fields: readonly string[];
      after: string | null;
      limit: number;
    }): Promise<Result<QueryPage, QueryError>> {
      const text = await textOf(input.text);
      if (!text.ok) return text;
      const parsed = await read(text.value);
      if (!parsed.ok) return parsed;
      const { tree, trees } = parsed.value;
      const shown: ShownField[] = [];
      for (const field of input.fields) {
        const each = readField(field);
        if (!each.ok) return err({ code: 'query-invalid', message: each.error.message });
        shown.push(each.value);
      }
      const kinds = kindsFor(tree, trees);
      for (const { fields } of shown) for (const field of fields) kinds.add(field);
      contents.trim();
      const { after } = input;
      const hosts = (await sources.hosts()).filter(({ said }) => after === null || said.name > after);
      const evaluation = new Evaluation(contents, trees);
      const page: QueryPage = { hosts: [], unknown: [], lookedAt: 0, next: null };
      let spent = 0;
      for (
        let from = 0, portion = FIRST_PORTION;
        from < hosts.length;
        from += portion, portion = Math.min(2 * portion, LARGEST_PORTION)
      ) {
        const views = await view(hosts.slice(from, from + portion), kinds);
        let turn = performance.now();
        for (const host of views) {
          const answer = evaluation.decide(tree, host);
          page.lookedAt += 1;
          const { name } = host.said;
          if (answer === null) page.unknown.push({ name, why: evaluation.whyUnknown(tree, host) });
          else if (answer)
            page.hosts.push({
              name,
              fields: Object.fromEntries(shown.map(field => [field.text, shownOf(field, host, evaluation)])),
            });
          if (page.hosts.length + page.unknown.length >= input.limit) {
            const isLast = from + views.indexOf(host) + 1 >= hosts.length;
            return ok({ ...page, next: isLast ? null : name });
          }
          const took = performance.now() - turn;
          if (took < TURN_MS) continue;
          spent += took;
          if (spent > MOST_MS)
            return err({
              code: 'query-too-costly',
              message: `the query took more than ${MOST_MS / 1000} s of the controller after ${page.lookedAt} of ${hosts.length} hosts: ask for less at once, or put what is inside of two lists into a group`,
            });
          await takeTurns();
          turn = performance.now();
        }
      }
      return ok(page);
    },

    async explain(input: {
      group: string | null;
      text: string | null;
      host: string;
    }): Promise<Result<Explained, QueryError>> {
      const groups = await store.groups();
      const group = groups.find(({ name }) => name === input.group);
      if (input.group !== null && !group) return err(unknownGroup(input.group, groups));
      const text = await textOf(group?.select ?? input.text ?? '');
      if (!text.ok) return text;
      const parsed = await read(text.value);
      if (!parsed.ok) return parsed;
      const { tree, trees } = parsed.value;
      const host = await oneHost(input.host, kindsFor(tree, trees));
      if (!host.ok) return host;
      return ok(explain(tree, host.value, new Evaluation(contents, trees), trees));
    },

    saved: () => store.saved(),

    async save(input: { name: string; text: string; by: string }): Promise<Result<SavedQuery, QueryError>> {
      const parsed = await read(input.text);
      if (!parsed.ok) return parsed;
      const query = { name: input.name, text: input.text, savedBy: input.by, savedAt: clock.now() };
      await store.save(query);
      return ok(query);
    },

    async forget(input: { name: string; by: string }): Promise<Result<{ name: string }, QueryError>> {
      if (await store.forget(input.name, input.by)) return ok({ name: input.name });
      return err({
        code: 'query-unknown',
        message: `no query is saved as ${input.name}: "tidemark get queries" lists them`,
      });
    },

    groups: () => store.groups(),

    /** Makes a group, or takes another condition for one that is there. */
    async keepGroup(input: Omit<Group, 'madeBy' | 'madeAt'> & { by: string }): Promise<Result<Group, QueryError>> {
      const { by, ...rest } = input;
      const group: Group = { ...rest, madeBy: by, madeAt: clock.now() };
      const others = (await store.groups()).filter(({ name }) => name !== group.name);
      const tree = readQuery(group.select, new Set([group.name, ...others.map(({ name }) => name)]));
      if (!tree.ok) return err(invalidQuery(group.select, tree.error, `group ${group.name}`));
      const circle = circleOf(treesOf([...others, group]));
      if (circle !== null)
        return err({
          code: 'group-invalid',
          message: `groups would be made of each other: ${circle}. Leave one of them out`,
        });
      await store.keepGroup(group);
      return ok(group);
    },

    async removeGroup(input: { name: string; by: string }): Promise<Result<{ name: string }, QueryError>> {
      const groups = await store.groups();
      if (!groups.some(({ name }) => name === input.name)) return err(unknownGroup(input.name, groups));
      const users = [...treesOf(groups)].flatMap(([name, tree]) =>
        tree.ok && namedIn(tree.value).includes(input.name) ? [name] : [],
      );
      if (users.length > 0)
        return err({
          code: 'group-in-use',
          message: `group ${input.name} is a part of ${users.join(', ')}: change those first`,
        });
      await store.removeGroup(input.name, input.by);
      return ok({ name: input.name });
    },

    /** For all hosts, or those given by name: the groups that each is in, and those of which that is not known. */
    async memberships(names: ReadonlySet<string> | null = null): Promise<Map<string, HostGroups>> {
      const groups = await store.groups();
      const hosts = (await sources.hosts()).filter(({ said }) => names === null || names.has(said.name));
      return groupsOfHosts(groups, hosts);
    },

    /** Looks who is in which group now, and writes down what changed. */
    async round(): Promise<number> {
      const groups = await store.groups();
      const before = await store.memberships();
      if (groups.length + before.length === 0) return 0;
      const now = await groupsOfHosts(groups, await sources.hosts());
      const changes = changesBetween(before, now, new Set(groups.map(({ name }) => name)), clock.now());
      if (changes.length > 0) await store.record(changes);
      return changes.length;
    },

    async changes(input: { group: string; host: string | null; limit: number }) {
      const groups = await store.groups();
      if (!groups.some(({ name }) => name === input.group)) return err(unknownGroup(input.group, groups));
      return ok(await store.changes(input));
    },

    /** Every distinct package of hosts, for those who hold them against something. */
    async packages(fields: ReadonlySet<string>): Promise<{ hosts: HostView[]; contents: Contents }> {
      contents.trim();
      return { hosts: await view(await sources.hosts(), fields), contents };
    },
  };

  async function groupsOfHosts(
    groups: readonly Group[],
    hosts: readonly KnownHost[],
  ): Promise<Map<string, HostGroups>> {
    const trees = treesOf(groups);
    const kinds = new Set<string>();
    for (const tree of trees.values()) if (tree.ok) for (const kind of kindsFor(tree.value, trees)) kinds.add(kind);
    const evaluation = new Evaluation(contents, trees);
    const found = new Map<string, HostGroups>();
    for (let from = 0; from < hosts.length; from += LARGEST_PORTION) {
      for (const host of await view(hosts.slice(from, from + LARGEST_PORTION), kinds)) {
        const own: HostGroups = { in: [], unknown: new Map() };
        for (const { name, importance } of groups) {
          const { answer, why } = evaluation.member(name, host);
          if (answer) own.in.push({ name, importance });
          else if (answer === null) own.unknown.set(name, why ?? '');
        }
        found.set(host.said.name, own);
      }
      await takeTurns();
    }
    return found;
  }
}

export interface HostGroups {
  in: { name: string; importance: number }[];
  /** By name, why it is not known. */
  unknown: Map<string, string>;
}

const unknownGroup = (name: string, groups: readonly Group[]): QueryError => ({
  code: 'group-unknown',
  message: `there is no group ${name}${didYouMean(
    name,
    groups.map(group => group.name),
  )}: "tidemark get groups" lists them`,
});
