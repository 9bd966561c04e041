import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { Coverage } from '@tidemark/shared/fingerprint/coverage.ts';
import type { NodeId } from '@tidemark/shared/fingerprint/entry.ts';
import type { NodeLoader } from '@tidemark/shared/fingerprint/load.ts';
import type { EncodedNode } from '@tidemark/shared/fingerprint/node.ts';
import type { ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { Baseline } from './baselines.ts';
import type { RunningCode } from './loaded.ts';
import type { Fingerprint, NewFingerprint, Observation, ProductHome, Release } from './records.ts';
import type { KeptFingerprint } from './retention.ts';
import type { JudgedScan, ScanSchedule } from './schedules.ts';
import type { Waiver } from './waivers.ts';

/** What the fleet's store has of a node. */
export interface KnownNode {
  /** The first bytes, enough for node.ts to read the head. */
  head: Buffer;
  /** All of it where what is below may be missing; null where everything below is there, too. */
  unfinished: Buffer | null;
}

/** What the nodes of a scan are to the store when it is committed. */
export interface CommittedNodes {
  /** Become part of a committed tree. */
  finished: readonly NodeId[];
  /** Were part of one when the upload came to them, so that nothing below was looked at. */
  reliedOn: readonly NodeId[];
}

/** Where uploads go. Implemented by controller/store/verification.ts. */
export interface UploadStore {
  /**
   * The profile of this digest, and the coverage of the host's newest scan under it where its digest is this one; null for
   * what is not known.
   */
  knownTexts(
    hostId: string,
    digests: { profileDigest: Digest; coverageDigest: Digest },
  ): Promise<{ profile: ScanProfile | null; coverage: Coverage | null }>;
  /** By nodeKey; a node that is not there is left out. Unfinished ones are kept for a day from now. */
  known(ids: readonly NodeId[]): Promise<ReadonlyMap<string, KnownNode>>;
  /** Stores nodes as unfinished; one that is there already is left as it is. */
  addNodes(nodes: readonly EncodedNode[]): Promise<void>;
  /**
   * Makes a scan the host's newest fingerprint, and the nodes of its trees finished, all or nothing. Observations that
   * wait for this scan are answered. `taken`: the host has used this name for other trees. `gone`: a node was collected
   * as garbage since the upload came to it.
   */
  commit(fingerprint: NewFingerprint, nodes: CommittedNodes): Promise<'committed' | 'already-known' | 'taken' | 'gone'>;
}

/** What verification reads and writes. Implemented by controller/store/verification.ts. */
export interface VerificationStore {
  load: NodeLoader;
  hostNamed(name: string): Promise<{ hostId: string; name: string } | null>;
  /** Newest first. */
  fingerprints(hostId: string, limit: number): Promise<Fingerprint[]>;
  fingerprint(id: string): Promise<Fingerprint | null>;
  /** What is known of these products, each version with all of its files. */
  releases(products: readonly string[]): Promise<Release[]>;
  /** Writes the observation, what is to be sent, and the audit entry in one transaction. */
  askForScan(ask: {
    id: string;
    hostId: string;
    host: string;
    profile: ScanProfile;
    /** The signed profile as text; null where nobody signed it, and the host decides by itself. */
    envelope: string | null;
    by: string;
    /** The schedule that asks, or null. */
    schedule: string | null;
    /** The run that it comes after, or null. */
    run: string | null;
  }): Promise<Observation>;
  observation(id: string): Promise<Observation | null>;
  /** The agent has named the scan that answers a request; it is done as soon as that scan's fingerprint is there. */
  scanNamed(request: string, hostId: string, scan: string): Promise<void>;
  scanFailed(request: string, hostId: string, message: string): Promise<void>;
}

/** Fingerprints that are kept as references. Implemented by controller/store/baselines.ts; every change is audited. */
export interface BaselineStore {
  baseline(name: string): Promise<Baseline | null>;
  /** By name. */
  baselines(): Promise<Baseline[]>;
  /** False where there is one of this name. */
  addBaseline(baseline: Omit<Baseline, 'host' | 'createdAt'>): Promise<boolean>;
  /** False where there is none. */
  removeBaseline(name: string, by: string): Promise<boolean>;
}

/** Implemented by controller/store/waivers.ts; every change is audited. */
export interface WaiverStore {
  /** Newest first, also those that are over. */
  waivers(): Promise<Waiver[]>;
  addWaiver(waiver: Waiver): Promise<void>;
  /** False where there is none in force under this id. */
  endWaiver(id: string, by: string, at: number): Promise<boolean>;
}

/** A profile that somebody signed. Times in milliseconds since the epoch. */
export interface SignedProfile {
  profile: ScanProfile;
  digest: Digest;
  /** The signed statement, as text. */
  envelope: string;
  createdBy: string;
  createdAt: number;
}

/** Implemented by controller/store/scan-profiles.ts; every change is audited. */
export interface ProfileStore {
  /** By name, the newest version first. */
  signedProfiles(): Promise<SignedProfile[]>;
  /** The newest signed one of this digest. */
  signedProfile(digest: Digest): Promise<SignedProfile | null>;
  /** False where there is one of this name and version with another content. */
  addProfile(profile: Omit<SignedProfile, 'createdAt'>): Promise<boolean>;
  /** False where there is none. */
  removeProfile(name: string, version: number, by: string): Promise<boolean>;
}

/** A key for secrets as it is kept: sealed to one host's agent. */
export interface SealedSecretKey {
  name: string;
  generation: number;
  keyId: string;
  hostId: string;
  recipient: string;
  /** The signed statement, as text. */
  envelope: string;
}

/** Implemented by controller/store/secret-keys.ts; every change is audited. */
export interface SecretKeyStore {
  /** The newest key of each host, with the host's name. */
  newest(): Promise<(SealedSecretKey & { host: string; createdBy: string; createdAt: number })[]>;
  /** The newest key of one host; null where it has none. */
  newestOf(hostId: string): Promise<Pick<SealedSecretKey, 'keyId' | 'recipient'> | null>;
  /** The newest generation of this name; 0 where there is none. */
  generation(name: string): Promise<number>;
  /** Keeps them and lets them be sent. False where one of the hosts has this generation already. */
  addKeys(keys: readonly SealedSecretKey[], by: string): Promise<boolean>;
  /** Lets the host's newest key be sent once more, unless it is on its way. */
  sendAgain(hostId: string): Promise<void>;
}

/** What agents say of themselves and of their servers. */
export interface AgentFacts {
  /** What the host runs that is not what lies on its disk; null where it has not told. */
  running(host: string): Promise<RunningCode | null>;
  /** By host name; a host without one has not told its facts yet. `secretKey` is the id of the key that the agent has. */
  sealingKeys(): Promise<ReadonlyMap<string, { hostId: string; sealingKey: string | null; secretKey: string | null }>>;
}

/** Implemented by controller/store/retention.ts. */
export interface RetentionStore {
  all(): Promise<KeptFingerprint[]>;
  /** Baselines stay, also where one was made meanwhile; how many were forgotten. */
  forget(ids: readonly string[]): Promise<number>;
}

/** Implemented by controller/store/scan-schedules.ts; every change is audited. */
export interface ScheduleStore {
  schedules(): Promise<ScanSchedule[]>;
  /** Those whose time has come, the longest due first. */
  due(now: number): Promise<ScanSchedule[]>;
  /** Sets when it is due next. False where another controller was quicker. */
  claim(name: string, dueAt: number, nextDueAt: number): Promise<boolean>;
  /** False where there is one of this name. */
  add(schedule: ScanSchedule): Promise<boolean>;
  /** False where there is none. */
  remove(name: string, by: string): Promise<boolean>;
  unjudged(): Promise<JudgedScan[]>;
  judged(id: string, at: number): Promise<void>;
}

/** Scans that come after runs. Implemented by controller/store/run-scans.ts. */
export interface RunScanStore {
  /** Hosts that a run which has ended touched, and that nobody has looked at since; `scan` is what its order made last. */
  unscanned(): Promise<{ run: string; hostId: string; host: string; scan: string | null }[]>;
  /** What the order of a host made counts as the scan after the run. */
  scannedBy(made: { run: string; hostId: string; scan: string }): Promise<void>;
}

/** Hosts by a condition, as policies select them. */
export interface HostSelection {
  /** Names; the error says what is wrong with the condition. */
  select(condition: string): Promise<Result<string[], string>>;
}

/** Where drift is reported that somebody has to decide about. */
export interface DriftIncidents {
  /** Nothing where one is open under this key. */
  open(incident: { key: string; host: string | null; title: string; detail: string }): Promise<void>;
  /** Nothing where none is open under this key. */
  resolve(key: string, reason: string): Promise<void>;
}

/** What runs were to bring to hosts, held against what is there. */
export interface PatchedHosts {
  /** What the host lacks of the run's bundle, by its newest scan; null where the run does not say that it was patched. */
  lacks(of: { run: string; host: string }): Promise<{ bundle: string; lacks: readonly string[] } | null>;
}

/** What verification needs to know of the landscape. */
export interface LandscapePort {
  /** The products that should be on a host, and where they live there. */
  productsOf(hostName: string): Promise<ProductHome[]>;
  /** The other members of the host's clusters. */
  peersOf(hostName: string): Promise<string[]>;
  clustersOf(hostName: string): Promise<string[]>;
  /** Null where there is no such cluster. */
  membersOf(cluster: string): Promise<string[] | null>;
  /** Its attribute `role`, else its only tier, else empty. */
  roleOf(hostName: string): Promise<string>;
  /** What a scan of the host looks at, the same for its peers; null where it has no product. */
  profileFor(hostName: string): Promise<ScanProfile | null>;
}
