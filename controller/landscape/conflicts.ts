import type { Origin } from './records.ts';

/** What sources say that cannot all be so. Nobody here guesses which of it is. */
export interface Conflict {
  kind:
    | 'bad-record'
    | 'two-records'
    | 'contradiction'
    | 'unknown-host'
    | 'two-clusters'
    | 'unknown-component'
    | 'tier-order'
    | 'agent-without-record'
    | 'record-without-agent';
  /** The host, the component (`orders-db@db01`) or the cluster that it is about. */
  subject: string;
  message: string;
  origins: Origin[];
}

/** An agent that no record names, and the reverse, is for people to know: it makes nothing of the rest wrong. */
export const isBlocking = ({ kind }: Conflict): boolean =>
  kind !== 'agent-without-record' && kind !== 'record-without-agent';

/** Same conflicts, same order: as they are told and compared. */
export const byKindAndSubject = (a: Conflict, b: Conflict): number => {
  const [left, right] = [`${a.kind}\0${a.subject}\0${a.message}`, `${b.kind}\0${b.subject}\0${b.message}`];
  return left < right ? -1 : left > right ? 1 : 0;
};
