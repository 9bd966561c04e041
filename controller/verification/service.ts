import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { Digest } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { TreeDamaged } from '@tidemark/shared/fingerprint/load.ts';
import { auditProfile, type Plane, profileLabel, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { createComparing, planesOf } from './comparing.ts';
import type { Difference } from './differences.ts';
import { driftElsewhere, driftOfProduct, skewAgainstPeer } from './drift.ts';
import { unknownCluster, unknownHost, type VerificationError } from './errors.ts';
import { identifyProduct } from './identify.ts';
import { createJudgements, type Judgements } from './judgements.ts';
import { createLooking, type Looked } from './looking.ts';
import type { BaselineStore, LandscapePort, UploadStore, VerificationStore, WaiverStore } from './ports.ts';
import type { Fingerprint, Observation, ProductHome, Release } from './records.ts';
import { type ClusterReport, clusterReportOf, type DriftReport, reportOf } from './reports.ts';
import { readSoftware, type ScannedSoftware } from './scanned.ts';
import { textOf } from './sentences.ts';
import { createUpload, type Upload } from './upload.ts';
import type { ProductVerdict } from './verdicts.ts';
import { waive } from './waivers.ts';

export interface VerificationOptions {
  store: VerificationStore & UploadStore & BaselineStore & WaiverStore;
  landscape: LandscapePort;
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

export interface Verification extends Judgements {
  /** One upload of this host, for controller/link. */
  openUpload(hostId: string): Upload;
  /** Asks a host for a fresh fingerprint, of what the landscape says is on it unless a profile is given. */
  scan(ask: { host: string; by: string; profile?: ScanProfile; schedule?: string }): Answer<Observation>;
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
}

export interface CompareOptions {
  plane: Plane | 'all';
  /** Leaves out what another release explains: files that both have of a known version. */
  excludingPatches: boolean;
}

export function createVerification({
  store,
  landscape,
  trustRoot,
  clock,
  newId,
  newNonce,
}: VerificationOptions): Verification {
  const find = createLooking({ store, trustRoot });
  const { differences, outliers } = createComparing({ store, landscape });

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
    const peers = await Promise.all((await landscape.peersOf(own.host)).map(find));
    return peers.flatMap(peer =>
      peer.ok && peer.value.fingerprint.profileDigest === own.fingerprint.profileDigest ? [peer.value] : [],
    );
  };

  const againstPeers = async (own: Looked, verdicts: readonly ProductVerdict[]): Promise<Difference[]> => {
    const found: Difference[] = [];
    for (const peer of await peersOf(own)) {
      const there = await look(peer);
      for (const verdict of verdicts) {
        const same = there.verdicts.find(({ product }) => product === verdict.product);
        if (same) found.push(...skewAgainstPeer(verdict, peer.host, same));
      }
      const config = await differences(peer, own, ['config']);
      found.push(...config.map(difference => ({ ...difference, note: `against ${peer.host}: ${difference.note}` })));
    }
    return found;
  };

  return {
    ...createJudgements({ store, find, trustRoot, clock, newId }),
    openUpload: hostId => createUpload(store, hostId),
    scan: async ({ host, by, profile, schedule = null }) => {
      const found = await store.hostNamed(host);
      if (!found) return err(unknownHost(host));
      const wanted = profile ?? (await landscape.profileFor(host));
      if (!wanted) {
        const message = `the landscape has no product on ${host}: there is nothing to scan; add its components and import`;
        return err({ code: 'nothing-to-scan', message });
      }
      return ok(await store.askForScan({ id: newId(), hostId: found.hostId, host, profile: wanted, by, schedule }));
    },
    audit: async ({ hosts, paths, by }) => {
      const named = await Promise.all(hosts.map(store.hostNamed));
      const unknown = hosts.find((_, at) => !named[at]);
      if (unknown !== undefined) return err(unknownHost(unknown));
      const profile = auditProfile(paths, newNonce());
      const asked: Observation[] = [];
      for (const host of named) {
        if (!host) continue;
        const { hostId, name } = host;
        asked.push(await store.askForScan({ id: newId(), hostId, host: name, profile, by, schedule: null }));
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
        const { verdicts } = await look(own.value);
        const { fingerprint } = own.value;
        return ok({
          host: own.value.host,
          fingerprint: fingerprint.id,
          scannedAt: fingerprint.finishedMs,
          products: verdicts.map(identified),
        });
      }),
    compare: (referenceA, referenceB, { plane, excludingPatches }) =>
      reading(async () => {
        const [a, b] = [await find(referenceA), await find(referenceB)];
        if (!a.ok) return a;
        if (!b.ok) return b;
        const differs = differentProfiles(a.value, b.value);
        if (differs) return err(differs);
        const found = await waived(b.value.host, await differences(a.value, b.value, planesOf(plane)));
        const [kept, patches] = apart(found, excludingPatches);
        return ok(reportOf(b.value, a.value, kept, patches));
      }),
    compareCluster: (cluster, { plane, excludingPatches }) =>
      reading(async () => {
        const names = await landscape.membersOf(cluster);
        if (!names) return err(unknownCluster(cluster));
        const members: Looked[] = [];
        for (const name of names) {
          const member = await find(name);
          if (!member.ok) return member;
          const differs = members[0] && differentProfiles(members[0], member.value);
          if (differs) return err(differs);
          members.push(member.value);
        }
        const kept = new Map<string, Difference[]>();
        let patches = 0;
        for (const [host, found] of await outliers(members, planesOf(plane))) {
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
        const found = [
          ...verdicts.flatMap(verdict => driftOfProduct(verdict, releases)),
          ...driftElsewhere(scanned.elsewhere),
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

function identified(verdict: ProductVerdict): Identification['products'][number] {
  const { product, home, versions, complete, sentence, deployed, retained } = verdict;
  const exceptions = deployed
    ? [
        ...deployed.foreign.map(({ path, versions: of }) => `${textOf(path)}: as in ${of.join(' or ')}`),
        ...deployed.leftover.map(({ path, versions: of }) => `${textOf(path)}: left over from ${of.join(' or ')}`),
        ...deployed.missing.map(path => `${textOf(path)}: missing`),
        ...deployed.modified.map(path => `${textOf(path)}: modified`),
        ...deployed.unread.map(path => `${textOf(path)}: could not be read`),
        ...deployed.extra.map(path => `${textOf(path)}: in no release`),
      ]
    : [];
  return {
    product,
    home,
    versions,
    complete,
    sentence: `${product}: ${sentence}`,
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
