import { type Clock, systemClock } from '@tidemark/shared/base/clock.ts';
import type { Emit } from '@tidemark/shared/fingerprint/build.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { normaliseText } from '@tidemark/shared/fingerprint/normalise.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { auditRules } from './audit.ts';
import { readHostIdentity } from './host-identity.ts';
import { LinkedFiles } from './linked-files.ts';
import { NO_ATTRIBUTES } from './lister.ts';
import { nodesIn } from './node-records.ts';
import { readOwners } from './owners.ts';
import { type Budget, unhurried } from './pace.ts';
import { Walker } from './walker.ts';

export interface ScanOptions {
  profile: ScanProfile;
  /** The profile's paths are resolved below it and reported as they are; `/` where it is left out. */
  root?: string;
  clock?: Clock;
  /** 32 bytes under which secrets are digested; without it they are skipped. */
  key?: Buffer | null;
  /** Globs of this server's policy: what an audit may digest. */
  audits?: readonly string[];
  budget?: Budget;
  /** A directory of the agent's own where digests are kept for the next scan; without it every file is read. */
  cache?: string | null;
  /** Of threads that walk and hash. */
  threads?: number;
  signal?: AbortSignal;
  /** From time to time. */
  progress?: (progress: Progress) => void;
}

export interface Progress {
  files: number;
  bytesRead: number;
}

export interface ScanResult {
  softwareRoot: NodeId;
  configRoot: NodeId;
  coverage: Coverage;
  startedMs: number;
  finishedMs: number;
}

/**
 * Reads all that the profile names in this thread, and gives the nodes to `emit`, each once, children first. For servers
 * see crew.ts. Throws where `root` cannot be read.
 */
export function scanInto(
  options: Pick<ScanOptions, 'profile' | 'root' | 'clock' | 'key' | 'audits'>,
  emit: Emit,
): ScanResult {
  const { profile, root = '/', clock = systemClock, key = null } = options;
  const startedMs = clock.now();
  const identity = readHostIdentity(root);
  const emitOnce = once(emit);
  const walker = new Walker({
    profile,
    root,
    owners: readOwners(root),
    attributes: NO_ATTRIBUTES,
    linked: new LinkedFiles(),
    cache: null,
    keepsMetas: false,
    pace: unhurried,
    key,
    audit: auditRules(profile, options.audits ?? []),
    normalise: (content, rules) => normaliseText(content, rules, identity),
    sink: { add: emitOnce, addRecords: records => [...nodesIn(records)].forEach(emitOnce) },
    crew: null,
  });
  let roots: { software: NodeId; config: NodeId } | null = null;
  walker.start(built => {
    roots = built;
  });
  walker.run();
  const { software, config } = roots as unknown as { software: NodeId; config: NodeId };
  const coverage = walker.counter.coverage();
  return { softwareRoot: software, configRoot: config, coverage, startedMs, finishedMs: clock.now() };
}

/** Passes each node on once. */
function once(emit: Emit): Emit {
  const seen = new Set<string>();
  return node => {
    const key = nodeKey(node.id);
    if (seen.has(key)) return;
    seen.add(key);
    emit(node);
  };
}
