import type { Result } from '@tidemark/shared/base/result.ts';
import {
  type Answer,
  type AnyQuestion,
  answered,
  decide,
  isJunction,
  type ListQuestion,
  type Question,
  type Tree,
} from '@tidemark/shared/conditions/tree.ts';
import type { Content, Contents } from './contents.ts';
import type { KnownHost } from './ports.ts';
import { isSaid } from './shape.ts';

/** A host with the names of what is in its sections, which were loaded. */
export interface HostView extends KnownHost {
  /** By kind, the digest in hex; null where nothing may be relied on. */
  sections: ReadonlyMap<string, string> | null;
  /** Why nothing of its inventory may be relied on; null where it may. */
  unknown: string | null;
}

/** What a question came to, and why there is no answer. */
export interface Answered {
  answer: Answer;
  why: string | null;
}

/** A tree per group; the error says why it cannot be used. */
export type GroupTrees = ReadonlyMap<string, Result<Tree, string>>;

/** Answers to an item, in bytes: not asked yet, no, yes, unknown. */
const [NEW, NO, YES, UNKNOWN] = [0, 1, 2, 3];

/**
 * Answers questions about hosts, each once for hosts that are the same where it matters. Lives as long as one query: nothing of it
 * has to be made invalid.
 */
export class Evaluation {
  readonly #contents: Contents;
  readonly #groups: GroupTrees;
  readonly #asked = new Map<AnyQuestion, Map<string, Answered>>();
  readonly #items = new Map<AnyQuestion, { answers: Uint8Array; why: Map<number, string> }>();
  readonly #members = new Map<string, Answered>();

  constructor(contents: Contents, groups: GroupTrees) {
    this.#contents = contents;
    this.#groups = groups;
  }

  decide(tree: Tree, host: HostView): Answer {
    return decide(tree, question => this.ask(question, host).answer);
  }

  ask(question: AnyQuestion, host: HostView): Answered {
    if (question.is === 'member') return this.member(question.group, host);
    const fields = question.is === 'list' ? [question.field] : question.fields;
    if (host.unknown !== null && fields.some(field => !isSaid(field))) return { answer: null, why: host.unknown };
    const key = fields.map(field => this.#keyOf(field, host)).join(' ');
    const known = this.#asked.get(question) ?? new Map<string, Answered>();
    this.#asked.set(question, known);
    const before = known.get(key);
    if (before) return before;
    const found = question.is === 'list' ? this.#askList(question, host) : this.#askWhole(question, fields, host);
    known.set(key, found);
    return found;
  }

  /** Whether the host is in the group. */
  member(group: string, host: HostView): Answered {
    const key = `${group} ${host.said.name}`;
    const known = this.#members.get(key);
    if (known) return known;
    const tree = this.#groups.get(group);
    let found: Answered;
    if (!tree) found = { answer: null, why: `there is no group ${group}` };
    else if (!tree.ok) found = { answer: null, why: `group ${group} cannot be used: ${tree.error}` };
    else {
      const answer = this.decide(tree.value, host);
      found = {
        answer,
        why: answer === null ? `group ${group}: ${this.whyUnknown(tree.value, host).join('; ')}` : null,
      };
    }
    this.#members.set(key, found);
    return found;
  }

  /** Reasons for what cannot be known and would decide, each once. */
  whyUnknown(tree: Tree, host: HostView): string[] {
    if (this.decide(tree, host) !== null) return [];
    if (tree.is === 'not') return this.whyUnknown(tree.part, host);
    if (isJunction(tree)) return [...new Set(tree.parts.flatMap(part => this.whyUnknown(part, host)))];
    const { why } = this.ask(tree, host);
    return why === null ? [] : [why];
  }

  /** The value of a field as CEL has it; undefined where there is none. */
  valueOf(field: string, host: HostView): unknown {
    if (isSaid(field)) return host.said[field];
    if (field === 'facts') return this.#siteFacts(host);
    const content = this.#contentOf(field, host);
    if (!content) return undefined;
    if (content.list) {
      const { values } = this.#contents.items(field);
      return Array.from(content.list, number => values[number]);
    }
    return content.value;
  }

  /** Items of the list for which the question is answered so, as CEL has them. */
  itemsAnswering(question: ListQuestion, host: HostView, answer: Answer): unknown[] {
    const list = this.#contentOf(question.field, host)?.list ?? [];
    const { values } = this.#contents.items(question.field);
    return [...list].filter(number => this.#askItem(question, number) === byteOf(answer)).map(number => values[number]);
  }

  #askWhole({ evaluate }: Question, fields: readonly string[], host: HostView): Answered {
    const value = Object.fromEntries(
      fields.flatMap(field => {
        const found = this.valueOf(field, host);
        return found === undefined ? [] : [[field, found]];
      }),
    );
    const said = answered(evaluate({ host: value }));
    if (said.answer !== null) return said;
    const absent = fields.filter(field => !(field in value));
    return absent.length === 0 ? said : { answer: null, why: neverTold(absent) };
  }

  #askList(question: ListQuestion, host: HostView): Answered {
    const list = this.#contentOf(question.field, host)?.list;
    if (!list) return { answer: null, why: neverTold([question.field]) };
    const decisive = question.macro === 'exists' ? YES : NO;
    let unknown = -1;
    for (const number of list) {
      const answer = this.#askItem(question, number);
      if (answer === decisive) return { answer: decisive === YES, why: null };
      if (answer === UNKNOWN && unknown < 0) unknown = number;
    }
    if (unknown < 0) return { answer: decisive === NO, why: null };
    return { answer: null, why: this.#items.get(question)?.why.get(unknown) ?? null };
  }

  #askItem(question: ListQuestion, number: number): number {
    const { values } = this.#contents.items(question.field);
    let known = this.#items.get(question);
    if (!known || known.answers.length < values.length) {
      const grown = new Uint8Array(Math.max(values.length, (known?.answers.length ?? 0) * 2));
      if (known) grown.set(known.answers);
      known = { answers: grown, why: known?.why ?? new Map() };
      this.#items.set(question, known);
    }
    const before = known.answers[number] ?? NEW;
    if (before !== NEW) return before;
    const { answer, why } = answered(question.evaluate({ [question.item]: values[number] }));
    if (why !== null) known.why.set(number, why);
    const byte = byteOf(answer);
    known.answers[number] = byte;
    return byte;
  }

  #contentOf(field: string, host: HostView): Content | null {
    const digest = host.sections?.get(field);
    return digest === undefined ? null : this.#contents.get(digest);
  }

  #siteFacts({ sections }: HostView): unknown {
    if (!sections) return undefined;
    const own = [...sections].filter(([kind]) => kind.startsWith(SITE));
    return Object.fromEntries(
      own.map(([kind, digest]) => [kind.slice(SITE.length), this.#contents.get(digest)?.value]),
    );
  }

  #keyOf(field: string, host: HostView): string {
    if (isSaid(field)) return JSON.stringify(host.said[field]);
    if (field === 'facts')
      return [...(host.sections ?? [])].flatMap(([kind, digest]) => (kind.startsWith(SITE) ? [digest] : [])).join();
    return host.sections?.get(field) ?? '-';
  }
}

/** In front of the names of a site's own facts, among the kinds of sections of a view. */
export const SITE = 'site:';

const byteOf = (answer: Answer): number => (answer === null ? UNKNOWN : answer ? YES : NO);

const neverTold = (fields: readonly string[]): string =>
  `its agent has told nothing of ${fields.map(field => `host.${field}`).join(' and ')}`;
