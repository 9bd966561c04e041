import type { Digest } from '@tidemark/shared/base/digest.ts';
import type { Result } from '@tidemark/shared/base/result.ts';
import type { FrozenPackage } from '@tidemark/shared/orders/bundle.ts';
import type { Envelope } from '@tidemark/shared/signing/dsse.ts';
import type { ErrorDetail, Role } from './contract/common.ts';
import type { InputOf, OutputOf } from './contract/routes.ts';

/** Why something was not done. The code is one of the capability's own; see {@link statusOf} for what HTTP makes of it. */
export interface ServiceError {
  code: string;
  message: string;
  details?: readonly ErrorDetail[] | undefined;
}

type Answer<T> = Promise<Result<T, ServiceError>>;

/** Who asks, as the audit log names them. */
export interface Principal {
  name: string;
  role: Role;
}

/** Tells who holds a bearer token; null for any that is not known, expired or revoked. */
export interface Authoriser {
  authorise(token: string): Promise<Principal | null>;
}

/** A product version that is known file by file, with the archive that it was learnt from. */
export interface KnownRelease {
  product: string;
  version: string;
  artifact: { digest: string; bytes: number };
  unpackedBytes: number;
  fileCount: number;
  tier: OutputOf<'listSignatures'>['signatures'][number]['tier'];
  importedBy: string;
  importedAt: number;
}

/** A product version as one package has it; who vouches for it, best first. */
export interface KnownSignature
  extends Omit<OutputOf<'listPackages'>['signatures'][number], 'tier' | 'package' | 'bytes'> {
  package: { digest: string; bytes: number };
}

/** What came of an import of the landscape, whole. */
export type Imported = Omit<OutputOf<'importLandscape'>, 'preview' | 'changed' | 'conflictCount'>;

/** An import of a repository; why it was refused, or what came of it, once it has ended. */
export interface RepositoryImportState extends Omit<OutputOf<'getRepositoryImport'>, 'imported' | 'refused'> {
  outcome: Result<NonNullable<OutputOf<'getRepositoryImport'>['imported']>, ServiceError> | null;
}

/** A part of a condition with what it came to, and those that it is made of. */
export interface ExplainedCondition extends Omit<OutputOf<'explainQuery'>['parts'][number], 'depth'> {
  parts: readonly ExplainedCondition[];
}

/**
 * What the API needs of the controller. Times are milliseconds since the epoch. What is asked for by name and is not
 * there is null; the API makes one kind of answer of it.
 */
export interface Services {
  system: {
    fleet: string;
    version: string;
    health(): Promise<OutputOf<'health'>['status']>;
  };
  /** Of what people look at, by topic, a text that is another one as soon as it has changed. */
  changes(): Promise<Readonly<Record<string, string>>>;
  hosts: {
    list(): Promise<OutputOf<'listHosts'>['hosts']>;
    get(name: string): Promise<OutputOf<'getHost'> | null>;
    /** By name, those after one; what `after` is for the next page. */
    page(after: string, limit: number): Promise<Pick<OutputOf<'exportHosts'>, 'hosts' | 'next' | 'landscape'>>;
    changes(name: string, since: number): Promise<OutputOf<'listChanges'> | null>;
    dryRun(input: { host: string } & InputOf<'dryRunHost'>['body']): Answer<OutputOf<'dryRunHost'>>;
  };
  enrolment: {
    issueToken(input: { hostName: string; ttlMs: number; by: string }): Answer<{ token: string; expiresAtMs: number }>;
    evict(input: { host: string; by: string }): Answer<unknown>;
    ban(input: { host: string; by: string }): Answer<unknown>;
  };
  landscape: {
    importLandscape(input: InputOf<'importLandscape'>['body'] & { by: string }): Answer<Imported>;
    /** Null before the first import. */
    current(): Promise<OutputOf<'getLandscape'> | null>;
    version(version: number): Promise<OutputOf<'getLandscape'> | null>;
    versions(): Promise<OutputOf<'listLandscapeVersions'>['versions']>;
    diff(from: number, to: number): Answer<OutputOf<'diffLandscape'>['changes']>;
    conflicts(): Promise<OutputOf<'listLandscapeConflicts'>['conflicts']>;
    imports(source: string | null): Promise<OutputOf<'listLandscapeImports'>['imports']>;
    /** Null where the landscape does not know it. */
    impact(of: { host: string; component: string | null }): Promise<OutputOf<'getImpact'> | null>;
    standings(host: string | null): Promise<OutputOf<'listStandings'>['standings']>;
    ansible(): Promise<OutputOf<'exportAnsible'> | null>;
    csv(): Promise<string | null>;
  };
  suggestions: {
    list(which: { dismissed: boolean }): Promise<OutputOf<'listSuggestions'>['suggestions']>;
    accept(input: InputOf<'acceptSuggestion'>['body'] & { id: string; by: string }): Answer<Imported>;
    dismiss(input: { id: string; reason: string; by: string }): Answer<unknown>;
  };
  landscapeSources: {
    list(): Promise<OutputOf<'listLandscapeSources'>['sources']>;
    put(input: { text: string; fileName: string; by: string }): Answer<OutputOf<'setLandscapeSource'>>;
    remove(input: { name: string; by: string }): Answer<unknown>;
    import(input: InputOf<'importLandscapeSource'>['body'] & { name: string; by: string }): Answer<Imported>;
  };
  bundles: {
    /** The file may be moved away; what is left of it is deleted afterwards. */
    importRelease(input: {
      file: string;
      name: string;
      product?: string;
      version?: string;
      by: string;
    }): Answer<OutputOf<'importSignature'>>;
    releases(): Promise<KnownRelease[]>;
    createBundle(input: {
      name: string;
      releases: { product: string; version: string }[];
      packages: FrozenPackage[];
      advisories: string[];
      manifest?: { text: string; fileName: string };
      ring: string | null;
      by: string;
    }): Answer<OutputOf<'createBundle'>>;
    promote(input: {
      name: string;
      to: string;
      expedite: string | null;
      by: string;
    }): Answer<OutputOf<'promoteBundle'>>;
    hold(input: { name: string; reason: string; by: string }): Answer<OutputOf<'holdBundle'>>;
    release(input: { name: string; reason: string; by: string }): Answer<OutputOf<'releaseBundle'>>;
    withdraw(input: { name: string; reason: string; by: string }): Answer<OutputOf<'withdrawBundle'>>;
    signOff(input: { name: string; envelope: Envelope; by: string }): Answer<OutputOf<'signOffBundle'>>;
    outlook(name: string): Promise<OutputOf<'getBundleOutlook'> | null>;
    rings(): Promise<OutputOf<'listRings'>['rings']>;
    setRings(input: { text: string; fileName: string; by: string }): Answer<OutputOf<'setRings'>['rings']>;
    list(): Promise<OutputOf<'listBundles'>['bundles']>;
    bundle(name: string): Promise<OutputOf<'getBundle'> | null>;
  };
  /** Of repositories. */
  imports: {
    begin(
      input: Omit<InputOf<'beginRepositoryImport'>['body'], 'from'> & {
        url: string | null;
        name: string;
        by: string;
      },
    ): Answer<RepositoryImportState>;
    look(
      id: string,
      since: number,
      wait: (woken: AbortSignal) => Promise<unknown>,
    ): Promise<RepositoryImportState | null>;
    give(
      id: string,
      path: string,
      bring: <T>(use: (file: { file: string; bytes: number; digest: Digest } | null) => Promise<T>) => Promise<T>,
    ): Answer<RepositoryImportState>;
    end(id: string): Promise<RepositoryImportState | null>;
  };
  /** Of these bundles, or the newest where none is named; the first name that no bundle has. */
  rollout(bundles: readonly string[]): Promise<OutputOf<'getRollout'> | { unknown: string }>;
  signatures: {
    importPackage(input: {
      file: string;
      name: string;
      digest: Digest;
      bytes: number;
      said: {
        product: string | null;
        version: string | null;
        architecture: string | null;
        at: string | null;
        directory: boolean;
      };
      envelope: Envelope | null;
      by: string;
    }): Answer<{ signature: KnownSignature; unchanged: boolean }>;
    list(): Promise<KnownSignature[]>;
    /** Paths have one character a byte. */
    describe(
      id: number,
      from: number,
      limit: number,
    ): Promise<(KnownSignature & Pick<OutputOf<'getPackage'>, 'listed'>) | null>;
    addKeys(input: {
      armored: string;
      tier: 'vendor' | 'repository';
      by: string;
    }): Answer<OutputOf<'listVendorKeys'>['keys']>;
    keys(): Promise<OutputOf<'listVendorKeys'>['keys']>;
    removeKey(input: { fingerprint: string; by: string }): Answer<OutputOf<'removeVendorKey'>>;
  };
  plans: {
    plan(input: {
      policyText: string;
      fileName: string;
      files: ReadonlyMap<string, string>;
      atMs: number | null;
      emergency: string | null;
      /** Only hosts that are affected by one of them; null for all that the policy selects. */
      cves: readonly string[] | null;
      by: string;
    }): Answer<{ digest: Digest }>;
    list(): Promise<OutputOf<'listPlans'>['plans']>;
    get(digest: Digest): Promise<OutputOf<'getPlan'> | null>;
    /** How its night will probably go. */
    forecast(digest: Digest, repetitions: number): Promise<OutputOf<'forecastPlan'> | null>;
    /** For editors: JSON Schema of policy files. */
    policySchema(): Readonly<Record<string, unknown>>;
    approve(input: { plan: Digest; envelope: Envelope; by: string }): Answer<unknown>;
  };
  runs: {
    apply(input: { plan: Digest; by: string }): Answer<{ run: string }>;
    list(): Promise<OutputOf<'listRuns'>['runs']>;
    view(run: string): Promise<OutputOf<'getRun'> | null>;
    matrix(run: string): Promise<OutputOf<'getRunMatrix'> | null>;
    /** Events after `afterId`, oldest first; null for a run that is not there. */
    events(input: {
      run: string;
      afterId: number;
      limit: number;
    }): Promise<{ events: OutputOf<'listRunEvents'>['events']; ended: boolean } | null>;
    pause(input: { run: string; by: string; reason: string }): Answer<unknown>;
    resume(input: { run: string; by: string; reason: string }): Answer<unknown>;
    stop(input: { run: string; by: string; reason: string; undo: boolean }): Answer<unknown>;
    amend(input: { run: string; host: string; envelope: Envelope; by: string }): Answer<OutputOf<'amendHost'>>;
    approveWave(input: { run: string; wave: string; envelope: Envelope; by: string }): Answer<OutputOf<'approveWave'>>;
    signal(input: {
      run: string;
      wave: string;
      gate: string;
      go: boolean;
      by: string;
      reason: string;
    }): Answer<unknown>;
    job(input: {
      run: string;
      host: string;
      position: number;
      direction: 'forward' | 'undo';
    }): Promise<OutputOf<'getJob'> | null>;
  };
  incidents: {
    list(input: { state: 'open' | 'resolved' | 'all' }): Promise<OutputOf<'listIncidents'>['incidents']>;
    detail(id: number): Promise<OutputOf<'getIncident'> | null>;
    take(input: { id: number; by: string }): Answer<OutputOf<'takeIncident'>>;
    comment(input: { id: number; by: string; text: string }): Answer<OutputOf<'commentIncident'>>;
    resolve(input: { id: number; by: string; reason: string }): Answer<OutputOf<'resolveIncident'>>;
  };
  verification: {
    scan(input: { host: string; by: string; profile: string | null }): Answer<OutputOf<'scanHost'>>;
    profiles(): Promise<OutputOf<'listProfiles'>['profiles']>;
    profileOf(host: string): Answer<{ profile: OutputOf<'profileOfHost'>['profile']; envelope: string | null }>;
    keepProfile(input: { envelope: Envelope; by: string }): Answer<OutputOf<'keepProfile'>>;
    removeProfile(input: { name: string; version: number; by: string }): Answer<unknown>;
    secretKeys(): Promise<OutputOf<'listSecretKeys'>['keys']>;
    recipients(input: { name: string; clusters: readonly string[] }): Answer<OutputOf<'secretKeyRecipients'>>;
    keepSecretKeys(input: { envelopes: readonly Envelope[]; by: string }): Answer<OutputOf<'keepSecretKeys'>>;
    audit(input: InputOf<'auditHosts'>['body'] & { by: string }): Answer<OutputOf<'auditHosts'>['scans']>;
    scanRequest(id: string): Promise<OutputOf<'getScan'> | null>;
    fingerprints(host: string): Promise<OutputOf<'listFingerprints'>['fingerprints'] | null>;
    compare(a: string, b: string, options: CompareOptions): Answer<OutputOf<'compareHosts'>>;
    compareCluster(cluster: string, options: CompareOptions): Answer<OutputOf<'compareCluster'>>;
    baselines(): Promise<OutputOf<'listBaselines'>['baselines']>;
    keepBaseline(input: { envelope: Envelope; reference: string; by: string }): Answer<OutputOf<'keepBaseline'>>;
    removeBaseline(input: { name: string; by: string }): Answer<unknown>;
    waivers(input: { all: boolean }): Promise<OutputOf<'listWaivers'>['waivers']>;
    addWaiver(input: InputOf<'addWaiver'>['body'] & { by: string }): Answer<OutputOf<'addWaiver'>>;
    endWaiver(input: { id: string; by: string }): Answer<unknown>;
    drift(host: string): Answer<OutputOf<'driftOfHost'>>;
  };
  /** Paths have one character a byte. */
  identification: {
    identify(host: string): Answer<OutputOf<'identifyHost'>>;
    versions(product: string): Promise<OutputOf<'listVersions'>>;
    owners(of: { sha256: string } | { path: string }): Promise<OutputOf<'listOwners'>['owners']>;
  };
  scheduling: {
    list(): Promise<OutputOf<'listSchedules'>['schedules']>;
    add(input: InputOf<'addSchedule'>['body'] & { by: string }): Answer<OutputOf<'addSchedule'>>;
    remove(input: { name: string; by: string }): Answer<unknown>;
  };
  queries: {
    query(input: InputOf<'queryHosts'>['body']): Answer<OutputOf<'queryHosts'>>;
    explain(input: { group: string | null; text: string | null; host: string }): Answer<ExplainedCondition>;
    saved(): Promise<OutputOf<'listQueries'>['queries']>;
    save(input: InputOf<'saveQuery'>['body'] & { by: string }): Answer<OutputOf<'saveQuery'>>;
    forget(input: { name: string; by: string }): Answer<OutputOf<'removeQuery'>>;
    groups(): Promise<OutputOf<'listGroups'>['groups']>;
    keepGroup(input: InputOf<'keepGroup'>['body'] & { by: string }): Answer<OutputOf<'keepGroup'>>;
    removeGroup(input: { name: string; by: string }): Answer<OutputOf<'removeGroup'>>;
    changes(input: { group: string; host: string | null; limit: number }): Answer<OutputOf<'groupChanges'>['changes']>;
  };
  risk: {
    importFile(input: { file: string; name: string; by: string }): Answer<OutputOf<'importAdvisories'>>;
    importUrl(input: { url: string; by: string }): Answer<OutputOf<'importAdvisories'>>;
    advisories(name: string): Answer<OutputOf<'getAdvisories'>['advisories']>;
    standings(name: string): Answer<OutputOf<'getStandings'>>;
    host(name: string): Answer<OutputOf<'getHostRisk'>>;
    hosts(limit: number): Promise<OutputOf<'listRisks'>>;
    bundle(name: string): Answer<OutputOf<'getBundleEffect'>>;
  };
  access: {
    createToken(input: {
      name: string;
      role: Role;
      expiresAt: number | null;
      by: string;
    }): Answer<OutputOf<'createApiToken'>>;
    listTokens(): Promise<OutputOf<'listApiTokens'>['tokens']>;
    revokeToken(input: { id: string; by: string }): Answer<OutputOf<'revokeApiToken'>>;
  };
  trust: {
    set(input: { envelope: Envelope; by: string }): Answer<unknown>;
    current(): Promise<OutputOf<'getTrustRoot'> | null>;
  };
  audit: {
    list(input: { after: number; limit: number }): Promise<OutputOf<'listAudit'>['entries']>;
    verify(): Promise<OutputOf<'verifyAudit'>>;
  };
}

interface CompareOptions {
  plane: 'software' | 'config' | 'all';
  excludingPatches: boolean;
}
