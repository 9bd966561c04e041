import { byKindAndSubject, type Conflict } from './conflicts.ts';
import type { LandscapeContent } from './landscape.ts';

/** An agent that may work, as it enrolled. */
export interface KnownAgent {
  name: string;
  /** Of its server, as it reported them. */
  addresses: readonly string[];
}

/** Agents that no record names, and hosts that nobody enrolled: with what may be meant, which nobody here decides. */
export function agentConflicts({ hosts }: Pick<LandscapeContent, 'hosts'>, agents: readonly KnownAgent[]): Conflict[] {
  const enrolled = new Set(agents.map(({ name }) => name));
  const recorded = new Set(hosts.map(({ name }) => name));
  const lonely = agents.filter(({ name }) => !recorded.has(name));
  const bare = hosts.filter(({ name }) => !enrolled.has(name));
  const byLabel = Map.groupBy(bare, ({ name }) => label(name));
  const byAddress = new Map(bare.flatMap(host => (host.addresses ?? []).map(address => [address, host.name] as const)));
  const without: Conflict[] = lonely.map(({ name, addresses }) => {
    const named = byLabel.get(label(name)) ?? [];
    const at = addresses.find(address => byAddress.has(address));
    const hint =
      named.length === 1
        ? `: the record ${named[0]?.name} may be it, by its name`
        : at === undefined
          ? ''
          : `: the record ${byAddress.get(at)} may be it, by its address ${at}`;
    const message = `agent ${name} has no record in the landscape${hint}`;
    return { kind: 'agent-without-record', subject: name, message, origins: [] };
  });
  const unenrolled: Conflict[] = bare.map(({ name }) => {
    const message = `host ${name} has no agent: enrol one, or take it out of the landscape`;
    return { kind: 'record-without-agent', subject: name, message, origins: [] };
  });
  return [...without, ...unenrolled].sort(byKindAndSubject);
}

const label = (name: string): string => name.toLowerCase().split('.', 1)[0] ?? '';
