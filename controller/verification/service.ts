import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { TreeDamaged } from '@tidemark/shared/fingerprint/load.ts';
import { auditProfile, type Plane, profileLabel } from '@tidemark/shared/fingerprint/profile.ts';
import { LINUX_SERVER } from '@tidemark/shared/fingerprint/profiles.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { createComparing, planesOf } from './comparing.ts';
import type { Difference } from './differences.ts';
import { driftElsewhere, driftOfProduct, skewAgainstPeer } from './drift.ts';
import { noFingerprint, unknownCluster, unknownHost, type VerificationError } from './errors.ts';
import { excuseGenerated } from './expectations.ts';
import { identifyProduct } from './identify.ts';
import { createJudgements, type Judgements } from './judgements.ts';
import { notLoaded } from './loaded.ts';
import { createLooking, type Looked } from './looking.ts';
import type {
  AgentFacts,
  BaselineStore,
  LandscapePort,
  ProfileStore,
  SecretKeyStore,
  UploadStore,
  VerificationStore,
  WaiverStore,
} from './ports.ts';
import { type ChosenProfile, createProfiles, type Profiles } from './profiles.ts';
import type { Fingerprint, Observation, ProductHome, Release } from './records.ts';
import { type ClusterReport, clusterReportOf, type DriftReport, reportOf } from './reports.ts';
import { looksBeyond, readSoftware, type ScannedSoftware } from './scanned.ts';
import { createSecretKeys, type SecretKeys } from './secret-keys.ts';
import { textOf } from './sentences.ts';
import { createUpload, type Upload } from './upload.ts';
import { type ProductVerdict, programsOf } from './verdicts.ts';
import { waive } from './waivers.ts';

export interface VerificationOptions {
  store: VerificationStore & UploadStore & BaselineStore & WaiverStore & ProfileStore & SecretKeyStore;
  landscape: LandscapePort;
  agents: AgentFacts;
  /** Whose signature under a baseline counts. */
  trustRoot: () => Promise<TrustRoot | null>;
  clock: Pick<Clock, 'now'>;
  newId: () => string;
  /** 32 bytes that nobody can know before. */
  newNonce: () => Uint8Array;
}

type Answer<T> = Promise<Result<T, VerificationError>>;

export interface Identification {
  host: string;
  fingerprint: string;
  scannedAt: number;
  products: {
    product: string;
    home: string;
    versions: string[];
    complete: boolean;
    sentence: string;
    /** Programs below the home, and those of them whose content some release has there. Bytes. */
    programs: { files: number; bytes: number; explainedBytes: number };
    /** Paths that say otherwise, with why; at most {@link MAX_EXCEPTIONS}. */
    exceptions: string[];
    /** Releases beside the one in use, with what they are. */
    retained: { directory: string; versions: string[]; complete: boolean; sentence: string }[];
  }[];
}

export interface FingerprintSummary {
  id: string;
  host: string;
  profile: string;
  profileDigest: Digest;
  softwareRoot: string;
  configRoot: string;
  coverage: Record<string, unknown>;
  startedAt: number;
  finishedAt: number;
}

/** What it takes to see what changed; a report of more would be read by nobody. */
const MAX_EXCEPTIONS = 200;
const MAX_LISTED_FINGERPRINTS = 100;

export interface Verification extends Judgements, Profiles, SecretKeys {
  /** One upload of this host, for controller/link. */
  openUpload(hostId: string): Upload;
  /**
   * Asks a host for a fresh fingerprint: under the profile of this name, else of what the landscape says is on it, else of
   * the whole server.
   */
  scan(ask: {
    host: string;
    by: string;
    profile?: string | null;
    schedule?: string;
    run?: string;
  }): Answer<Observation>;
  /** The profile that a scan of the host is under where none is named, and the signature under it. */
  profileOf(host: string): Answer<ChosenProfile>;
  /** A host has told its facts. */
  factsTold(told: { hostId: string; facts: Record<string, unknown> }): Promise<void>;
  /**
   * Asks hosts to read files now, and to answer with digests under a nonce that was just drawn: all of them the same, so
   * that what comes back can be compared. Asks all of them or none.
   */
  audit(ask: { hosts: readonly string[]; paths: readonly string[]; by: string }): Answer<Observation[]>;
  scanRequest(id: string): Promise<Observation | null>;
  scanReady(ready: { hostId: string; request: string; scan: string }): Promise<void>;
  scanFailed(failed: { hostId: string; request: string; message: string }): Promise<void>;
  fingerprints(host: string): Promise<FingerprintSummary[] | null>;
  identify(host: string): Answer<Identification>;
  /** How reference `b` differs from reference `a`, see references.ts. */
  compare(a: string, b: string, options: CompareOptions): Answer<DriftReport>;
  /** Which members of a cluster are not like the others. */
  compareCluster(cluster: string, options: CompareOptions): Answer<ClusterReport>;
  drift(host: string): Answer<DriftReport>;
  /** What reads stored trees elsewhere: a damaged one is an answer for people, too. */
  reading<T>(work: () => Promise<T>): Answer<T>;
}

export interface CompareOptions {
  plane: Plane | 'all';
  /** Leaves out what another release explains: files that both have of a known version. */
  excludingPatches: boolean;
}

export function createVerification(options: VerificationOptions): Verification {
  const { store, landscape, trustRoot, clock, newId, newNonce } = options;
  const find = createLooking({ store, trustRoot });
  const { differences, outliers } = createComparing({ store, landscape });
  const { profiles, named, withSignature } = createProfiles({ store, trustRoot });
  const { secretKeys, told } = createSecretKeys(options);

  const usualProfile = async (host: string): Promise<ChosenProfile> => {
    const ofProducts = await landscape.profileFor(host);
    return ofProducts ? withSignature(ofProducts) : { profile: LINUX_SERVER, envelope: null };
  };

  const look = async ({ host, fingerprint }: Looked): Promise<Identified> => {
    const products = await landscape.productsOf(host);
    const releases = await store.releases(products.map(({ product }) => product));
    const scanned = await readSoftware(fingerprint, products, store.load);
    const verdicts = products.map(at => identifyProduct(at, scanned.homes.get(at.home) ?? new Map(), releases));
    return { products, releases, scanned, verdicts };
  };

  const waived = async (host: string, found: readonly Difference[]): Promise<Difference[]> =>
    waive(found, await store.waivers(), { host, clusters: await landscape.clustersOf(host) }, clock.now());

  /** The peers of a host's clusters that have a fingerprint of the same profile. */
  const peersOf = async (own: Looked): Promise<Looked[]> => {
    const { profileDigest } = own.fingerprint;
    const peers = await Promise.all((await landscape.peersOf(own.host)).map(name => find(name, profileDigest)));
    return peers.flatMap(peer => (peer.ok ? [peer.value] : []));
  };

  /** Two references under one profile: a host that was scanned under several means the one that the other has, too. */
  const findPair = async (a: string, b: string): Answer<[Looked, Looked]> => {
    const [first, second] = [await find(a), await find(b)];
    if (!first.ok) return first;
    if (!second.ok) return second;
    const pairs: [Looked, Looked][] = [[first.value, second.value]];
    if (differentProfiles(first.value, second.value)) {
      const other = await find(b, first.value.fingerprint.profileDigest);
      if (other.ok) pairs.push([first.value, other.value]);
      const before = await find(a, second.value.fingerprint.profileDigest);
      if (before.ok) pairs.push([before.value, second.value]);
    }
    const alike = pairs
      .filter(([x, y]) => !differentProfiles(x, y))
      .sort(([x, y], [u, v]) => oldest(u, v) - oldest(x, y))[0];
    if (alike) return ok(alike);
    return err(differentProfiles(first.value, second.value) ?? noFingerprint(b));
  };

  /** What a host runs that is not what lies on its disk. */
  const running = async (host: string): Promise<Difference[]> =>
    notLoaded(host, await options.agents.running(host), await landscape.productsOf(host));

  const againstPeers = async (own: Looked, verdicts: readonly ProductVerdict[]): Promise<Difference[]> => {
    const found: Difference[] = [];
    for (const peer of await peersOf(own)) {
      const there = await look(peer);
      for (const verdict of verdicts) {
        const same = there.verdicts.find(({ product }) => product === verdict.product);
        if (same) found.push(...skewAgainstPeer(verdict, peer.host, same));
      }
      // What no release of a product says anything of is software that peers must have alike.
      const isBeyond = looksBeyond(own.fingerprint, verdicts);
      const differing = await differences(peer, own, isBeyond ? ['software', 'config'] : ['config']);
      const counted = differing.filter(({ plane, product }) => plane === 'config' || product === null);
      found.push(...counted.map(difference => ({ ...difference, note: `against ${peer.host}: ${difference.note}` })));
    }
    return found;
  };

  return {
    ...createJudgements({ store, find, trustRoot, clock, newId }),
    ...profiles,
    ...secretKeys,
    factsTold: ({ hostId, facts }) => told(hostId, facts),
    profileOf: async host => ((await store.hostNamed(host)) ? ok(await usualProfile(host)) : err(unknownHost(host))),
    openUpload: hostId => createUpload(store, hostId),
    scan: async ({ host, by, profile = null, schedule = null, run = null }) => {
      const found = await store.hostNamed(host);
      if (!found) return err(unknownHost(host));
      const chosen = profile === null ? ok(await usualProfile(host)) : await named(profile);
      if (!chosen.ok) return chosen;
      const ask = { id: newId(), hostId: found.hostId, host, by, schedule, run };
      return ok(await store.askForScan({ ...ask, ...chosen.value }));
    },
    audit: async ({ hosts, paths, by }) => {
      const found = await Promise.all(hosts.map(store.hostNamed));
      const unknown = hosts.find((_, at) => !found[at]);
      if (unknown !== undefined) return err(unknownHost(unknown));
      const profile = auditProfile(paths, newNonce());
      const asked: Observation[] = [];
      for (const host of found) {
        if (!host) continue;
        const { hostId, name } = host;
        const ask = { id: newId(), hostId, host: name, profile, envelope: null, by, schedule: null, run: null };
        asked.push(await store.askForScan(ask));
      }
      return ok(asked);
    },
    scanRequest: id => store.observation(id),
    scanReady: async ({ hostId, request, scan }) => {
      if (request !== '') await store.scanNamed(request, hostId, scan);
    },
    scanFailed: ({ hostId, request, message }) => store.scanFailed(request, hostId, message),
    fingerprints: async name => {
      const host = await store.hostNamed(name);
      if (!host) return null;
      const found = await store.fingerprints(host.hostId, MAX_LISTED_FINGERPRINTS);
      return found.map(fingerprint => summaryOf(host.name, fingerprint));
    },
    identify: name =>
      reading(async () => {
        const own = await find(name);
        if (!own.ok) return own;
        const { verdicts, products } = await look(own.value);
        const { fingerprint, host } = own.value;
        const running = notLoaded(host, await options.agents.running(host), products);
        return ok({
          host: own.value.host,
          fingerprint: fingerprint.id,
          scannedAt: fingerprint.finishedMs,
          products: verdicts.map(verdict => identified(verdict, running)),
        });
      }),
    reading: work => reading(async () => ok(await work())),
    compare: (referenceA, referenceB, { plane, excludingPatches }) =>
      reading(async () => {
        const pair = await findPair(referenceA, referenceB);
        if (!pair.ok) return pair;
        const [a, b] = pair.value;
        const found = await differences(a, b, planesOf(plane));
        // Of hosts as they are now: one of two that are alike on the disk may still run what was there before.
        if (plane !== 'config' && referenceB === b.host) found.push(...(await running(b.host)));
        if (plane !== 'config' && referenceA === a.host && a.host !== b.host) found.push(...(await running(a.host)));
        const [kept, patches] = apart(await waived(b.host, found), excludingPatches);
        return ok(reportOf(b, a, kept, patches));
      }),
    compareCluster: (cluster, { plane, excludingPatches }) =>
      reading(async () => {
        const names = await landscape.membersOf(cluster);
        if (!names) return err(unknownCluster(cluster));
        const members: Looked[] = [];
        for (const name of names) {
          const member = await find(name);
          if (!member.ok) return member;
          const [first] = members;
          const alike = first && (await find(name, first.fingerprint.profileDigest));
          const differs = first && !alike?.ok ? differentProfiles(first, member.value) : null;
          if (differs) return err(differs);
          members.push(alike?.ok ? alike.value : member.value);
        }
        const kept = new Map<string, Difference[]>();
        let patches = 0;
        for (const [host, found] of await outliers(members, planesOf(plane))) {
          if (plane !== 'config') found.push(...(await running(host)));
          const [counted, left] = apart(await waived(host, found), excludingPatches);
          kept.set(host, counted);
          patches += left;
        }
        return ok(clusterReportOf(cluster, members, kept, patches));
      }),
    drift: name =>
      reading(async () => {
        const own = await find(name);
        if (!own.ok) return own;
        const { verdicts, releases, scanned } = await look(own.value);
        const { profile } = own.value.fingerprint;
        const unexplained = [
          ...verdicts.flatMap(verdict => driftOfProduct(verdict, releases)),
          ...driftElsewhere(scanned.elsewhere),
        ];
        const found = [
          ...excuseGenerated(unexplained, profile),
          ...(await running(own.value.host)),
          ...(await againstPeers(own.value, verdicts)),
        ];
        return ok(reportOf(own.value, null, await waived(own.value.host, found)));
      }),
  };
}

interface Identified {
  products: ProductHome[];
  releases: Release[];
  scanned: ScannedSoftware;
  verdicts: ProductVerdict[];
}

/** What counts, and how many differences of patches were left out. */
function apart(found: readonly Difference[], excludingPatches: boolean): [Difference[], number] {
  const kept = excludingPatches ? found.filter(({ isPatch }) => !isPatch) : [...found];
  return [kept, found.length - kept.length];
}

/** A damaged tree is an answer for people, too: they can scan again. */
async function reading<T>(work: () => Answer<T>): Answer<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TreeDamaged)) throw error;
    return err({ code: 'tree-damaged', message: `a stored fingerprint cannot be read: ${error.message}` });
  }
}

const oldest = (a: Looked, b: Looked): number => Math.min(a.fingerprint.finishedMs, b.fingerprint.finishedMs);

function differentProfiles(a: Looked, b: Looked): VerificationError | null {
  if (a.fingerprint.profileDigest === b.fingerprint.profileDigest) return null;
  const [of, other] = [a, b].map(
    ({ label, fingerprint }) =>
      `${label} was scanned under ${profileLabel(fingerprint.profile)} (${fingerprint.profileDigest.slice(0, 19)})`,
  );
  return {
    code: 'profile-differs',
    message: `${of}, ${other}: only scans of the same places can be compared, so of hosts with the same products; where these have them, scan both again`,
  };
}

/** Complete is what is there as its release says, and is what runs. */
function identified(verdict: ProductVerdict, running: readonly Difference[]): Identification['products'][number] {
  const { product, home, versions, deployed, retained } = verdict;
  const old = running.filter(difference => difference.product === product);
  const complete = verdict.complete && old.length === 0;
  const sentence =
    old.length === 0 ? verdict.sentence : `${verdict.sentence}, and not loaded: what it replaced still runs`;
  const exceptions = deployed
    ? [
        ...deployed.foreign.map(({ path, versions: of }) => `${textOf(path)}: as in ${of.join(' or ')}`),
        ...deployed.leftover.map(({ path, versions: of }) => `${textOf(path)}: left over from ${of.join(' or ')}`),
        ...deployed.missing.map(path => `${textOf(path)}: missing`),
        ...deployed.modified.map(path => `${textOf(path)}: modified`),
        ...deployed.unread.map(path => `${textOf(path)}: could not be read`),
        ...deployed.extra.map(path => `${textOf(path)}: in no release`),
        ...old.map(({ path, note }) => `${path}: ${note}`),
      ]
    : [];
  return {
    product,
    home,
    versions,
    complete,
    sentence: `${product}: ${sentence}`,
    programs: programsOf(verdict),
    exceptions: exceptions.slice(0, MAX_EXCEPTIONS),
    retained: retained.map(release => ({
      directory: textOf(release.directory),
      versions: release.fits,
      complete: release.fits.length > 0,
      sentence: release.sentence,
    })),
  };
}

function summaryOf(host: string, fingerprint: Fingerprint): FingerprintSummary {
  return {
    id: fingerprint.id,
    host,
    profile: profileLabel(fingerprint.profile),
    profileDigest: fingerprint.profileDigest,
    softwareRoot: fingerprint.softwareRoot.toString('hex'),
    configRoot: fingerprint.configRoot.toString('hex'),
    coverage: { ...fingerprint.coverage },
    startedAt: fingerprint.startedMs,
    finishedAt: fingerprint.finishedMs,
  };
}
