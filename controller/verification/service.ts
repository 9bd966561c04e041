import type { Buffer } from 'node:buffer';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { listChanges } from '@tidemark/shared/fingerprint/diff.ts';
import { loadMetas, TreeDamaged } from '@tidemark/shared/fingerprint/load.ts';
import { nodeKey } from '@tidemark/shared/fingerprint/node.ts';
import { PLANES, type Plane, profileLabel, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { type Comparison, classifyChanges, type HostChange } from './compare.ts';
import { type Difference, type DifferenceGroup, groupDifferences, isExpected } from './differences.ts';
import { driftElsewhere, driftOfProduct, skewAgainstPeer } from './drift.ts';
import { noFingerprint, unknownHost, type VerificationError } from './errors.ts';
import { identifyProduct } from './identify.ts';
import type { LandscapePort, UploadStore, VerificationStore } from './ports.ts';
import type { Fingerprint, Observation, ProductHome, Release } from './records.ts';
import { readSoftware, type ScannedSoftware } from './scanned.ts';
import { textOf } from './sentences.ts';
import { createUpload, type Upload } from './upload.ts';
import type { ProductVerdict } from './verdicts.ts';

export interface VerificationOptions {
  store: VerificationStore & UploadStore;
  landscape: LandscapePort;
  newId: () => string;
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

export interface DriftReport {
  host: string;
  /** `signatures`, or the name of a host. */
  against: string;
  scannedAt: number;
  againstScannedAt: number | null;
  identical: boolean;
  sentence: string;
  groups: DifferenceGroup[];
}

export interface FingerprintSummary {
  id: string;
  host: string;
  profile: string;
  softwareRoot: string;
  configRoot: string;
  coverage: Record<string, unknown>;
  startedAt: number;
  finishedAt: number;
}

/** What it takes to see what changed; a report of more would be read by nobody. */
const MAX_EXCEPTIONS = 200;
const MAX_LISTED_FINGERPRINTS = 100;

export interface Verification {
  /** One upload of this host, for controller/link. */
  openUpload(hostId: string): Upload;
  /** Asks a host for a fresh fingerprint, of what the landscape says is on it unless a profile is given. */
  scan(ask: { host: string; by: string; profile?: ScanProfile }): Answer<Observation>;
  scanRequest(id: string): Promise<Observation | null>;
  scanReady(ready: { hostId: string; request: string; scan: string }): Promise<void>;
  scanFailed(failed: { hostId: string; request: string; message: string }): Promise<void>;
  fingerprints(host: string): Promise<FingerprintSummary[] | null>;
  identify(host: string): Answer<Identification>;
  compare(hostA: string, hostB: string, options: { plane: Plane | 'all' }): Answer<DriftReport>;
  drift(host: string): Answer<DriftReport>;
}

interface Looked {
  name: string;
  fingerprint: Fingerprint;
}

export function createVerification({ store, landscape, newId }: VerificationOptions): Verification {
  const latest = async (name: string): Answer<Looked> => {
    const host = await store.hostNamed(name);
    if (!host) return err(unknownHost(name));
    const [fingerprint] = await store.fingerprints(host.hostId, 1);
    return fingerprint ? ok({ name: host.name, fingerprint }) : err(noFingerprint(name));
  };

  const look = async ({ name, fingerprint }: Looked): Promise<Identified> => {
    const products = await landscape.productsOf(name);
    const releases = await store.releases(products.map(({ product }) => product));
    const scanned = await readSoftware(fingerprint, products, store.load);
    const verdicts = products.map(at => identifyProduct(at, scanned.homes.get(at.home) ?? new Map(), releases));
    return { products, releases, scanned, verdicts };
  };

  const differences = async (a: Looked, b: Looked, planes: readonly Plane[]): Promise<Difference[]> => {
    const homes = [...(await landscape.productsOf(a.name)), ...(await landscape.productsOf(b.name))];
    const products = [...new Map(homes.map(at => [`${at.product}\0${at.home}`, at])).values()];
    const comparison: Comparison = {
      hostA: a.name,
      hostB: b.name,
      products,
      releases: await store.releases(products.map(({ product }) => product)),
      profile: a.fingerprint.profile,
    };
    const found: Difference[] = [];
    for (const plane of planes) {
      const changes = await listChanges(plane, rootOf(a.fingerprint, plane), rootOf(b.fingerprint, plane), store.load);
      const ids = changes.flatMap(({ before, after }) => [before?.meta ?? [], after?.meta ?? []].flat());
      const metas = await loadMetas(ids, store.load);
      const metaOf = (id: Buffer | null | undefined) => (id ? (metas.get(nodeKey(id)) ?? null) : null);
      const withMetas: HostChange[] = changes.map(change => ({
        ...change,
        metas: { before: metaOf(change.before?.meta), after: metaOf(change.after?.meta) },
      }));
      found.push(...classifyChanges(withMetas, plane, comparison));
    }
    return found;
  };

  /** The peers of a host's clusters that have a fingerprint of the same profile. */
  const peersOf = async (own: Looked): Promise<Looked[]> => {
    const peers = await Promise.all((await landscape.peersOf(own.name)).map(latest));
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
        if (same) found.push(...skewAgainstPeer(verdict, peer.name, same));
      }
      const config = await differences(peer, own, ['config']);
      found.push(...config.map(difference => ({ ...difference, note: `against ${peer.name}: ${difference.note}` })));
    }
    return found;
  };

  return {
    openUpload: hostId => createUpload(store, hostId),
    scan: async ({ host, by, profile }) => {
      const found = await store.hostNamed(host);
      if (!found) return err(unknownHost(host));
      const wanted = profile ?? (await landscape.profileFor(host));
      if (!wanted) {
        const message = `the landscape has no product on ${host}: there is nothing to scan; add its components and import`;
        return err({ code: 'nothing-to-scan', message });
      }
      return ok(await store.askForScan({ id: newId(), hostId: found.hostId, host, profile: wanted, by }));
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
        const own = await latest(name);
        if (!own.ok) return own;
        const { verdicts } = await look(own.value);
        const { fingerprint } = own.value;
        return ok({
          host: own.value.name,
          fingerprint: fingerprint.id,
          scannedAt: fingerprint.finishedMs,
          products: verdicts.map(identified),
        });
      }),
    compare: (nameA, nameB, { plane }) =>
      reading(async () => {
        const [a, b] = [await latest(nameA), await latest(nameB)];
        if (!a.ok) return a;
        if (!b.ok) return b;
        const differs = differentProfiles(a.value, b.value);
        if (differs) return err(differs);
        const found = await differences(a.value, b.value, plane === 'all' ? PLANES : [plane]);
        return ok(reportOf(b.value, { name: nameA, at: a.value.fingerprint.finishedMs }, found));
      }),
    drift: name =>
      reading(async () => {
        const own = await latest(name);
        if (!own.ok) return own;
        const { verdicts, releases, scanned } = await look(own.value);
        const found = [
          ...verdicts.flatMap(verdict => driftOfProduct(verdict, releases)),
          ...driftElsewhere(scanned.elsewhere),
          ...(await againstPeers(own.value, verdicts)),
        ];
        return ok(reportOf(own.value, null, found));
      }),
  };
}

interface Identified {
  products: ProductHome[];
  releases: Release[];
  scanned: ScannedSoftware;
  verdicts: ProductVerdict[];
}

const rootOf = (fingerprint: Fingerprint, plane: Plane): Buffer =>
  plane === 'software' ? fingerprint.softwareRoot : fingerprint.configRoot;

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
    ({ name, fingerprint }) =>
      `${name} was scanned under ${profileLabel(fingerprint.profile)} (${fingerprint.profileDigest.slice(0, 19)})`,
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

function reportOf(own: Looked, against: { name: string; at: number } | null, found: Difference[]): DriftReport {
  const counted = found.filter(difference => !isExpected(difference));
  const groups = groupDifferences(found);
  return {
    host: own.name,
    against: against?.name ?? 'signatures',
    scannedAt: own.fingerprint.finishedMs,
    againstScannedAt: against?.at ?? null,
    identical: counted.length === 0,
    sentence: sentenceOf(own.name, against?.name ?? null, counted),
    groups,
  };
}

function sentenceOf(host: string, against: string | null, counted: readonly Difference[]): string {
  if (counted.length === 0) {
    return against ? `${host} and ${against} are identical` : `${host} is as its releases say`;
  }
  const products = [...new Set(counted.map(({ product }) => product ?? 'no product'))].sort();
  const count = counted.length === 1 ? '1 difference' : `${counted.length} differences`;
  const what = against ? `between ${against} and ${host}` : `between ${host} and what it should be`;
  return `${count} ${what}, in ${products.join(', ')}`;
}

function summaryOf(host: string, fingerprint: Fingerprint): FingerprintSummary {
  return {
    id: fingerprint.id,
    host,
    profile: profileLabel(fingerprint.profile),
    softwareRoot: fingerprint.softwareRoot.toString('hex'),
    configRoot: fingerprint.configRoot.toString('hex'),
    coverage: { ...fingerprint.coverage },
    startedAt: fingerprint.startedMs,
    finishedAt: fingerprint.finishedMs,
  };
}
