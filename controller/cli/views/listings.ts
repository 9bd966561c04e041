import { shortDigest } from '@tidemark/shared/base/digest.ts';
import type { ApiToken, AuditEntry } from '../../api/contract/access.ts';
import type { Baseline, Fingerprint, ScanSchedule, Waiver } from '../../api/contract/fingerprints.ts';
import type { HostSummary } from '../../api/contract/hosts.ts';
import type { Incident } from '../../api/contract/incidents.ts';
import type { Cluster, Component } from '../../api/contract/landscape.ts';
import type { PlanSummary } from '../../api/contract/plans.ts';
import type {} from '../../api/contract/releases.ts';
import type { RunSummary } from '../../api/contract/runs.ts';
import type { Listing } from '../output/format.ts';
import { moment } from '../output/time.ts';

/*
 * How each kind of thing is listed: columns for people, a name for programs. The first columns say what one looks for.
 */

export const hostsListing = (rows: readonly HostSummary[]): Listing<HostSummary> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'STATE', value: row => row.state },
    { title: 'CONNECTED', value: row => row.connected },
    { title: 'APPLICATION', value: row => row.application },
    { title: 'ENVIRONMENT', value: row => row.environment },
    { title: 'LAST SEEN', value: row => moment(row.lastSeenAt) },
    { title: 'AGENT', value: row => row.agentVersion, wide: true },
    { title: 'TAGS', value: row => row.tags.join(', '), wide: true },
    { title: 'ID', value: row => row.id, wide: true },
  ],
  name: row => row.name,
  empty: 'No host is known: import a landscape, or enrol an agent.',
});

export const componentsListing = (rows: readonly Component[]): Listing<Component> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'HOST', value: row => row.host },
    { title: 'APPLICATION', value: row => row.application },
    { title: 'TIER', value: row => row.tier },
    { title: 'KIND', value: row => row.kind },
    { title: 'PRODUCT', value: row => row.product },
    { title: 'HOME', value: row => row.home, wide: true },
  ],
  name: row => row.name,
  empty: 'No component is known: import a landscape.',
});

export const clustersListing = (rows: readonly Cluster[]): Listing<Cluster> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'MEMBERS', value: row => row.members.join(', ') },
  ],
  name: row => row.name,
  empty: 'No cluster is known: a landscape says which hosts cover for each other.',
});

export const plansListing = (rows: readonly PlanSummary[]): Listing<PlanSummary> => ({
  rows,
  columns: [
    { title: 'DIGEST', value: row => shortDigest(row.digest) },
    { title: 'NAME', value: row => row.name },
    { title: 'BUNDLE', value: row => row.bundle },
    { title: 'HOSTS', value: row => row.hosts },
    { title: 'LEFT OUT', value: row => row.excluded },
    { title: 'WINDOW', value: row => moment(row.windowStart) },
    { title: 'APPROVALS', value: row => `${row.approval.approvals.length} of ${row.approval.needed}` },
    { title: 'RUN', value: row => row.run },
    { title: 'BY', value: row => row.author, wide: true },
    { title: 'MADE', value: row => moment(row.createdAt), wide: true },
    { title: 'WHOLE DIGEST', value: row => row.digest, wide: true },
  ],
  name: row => row.digest,
  empty: 'There is no plan: "tidemark plan POLICY" makes one.',
});

export const runsListing = (rows: readonly RunSummary[]): Listing<RunSummary> => ({
  rows,
  columns: [
    { title: 'RUN', value: row => row.id },
    { title: 'NAME', value: row => row.name },
    { title: 'STATE', value: row => row.state },
    { title: 'STARTED', value: row => moment(row.startedAt) },
    { title: 'ENDED', value: row => moment(row.endedAt) },
    { title: 'BY', value: row => row.startedBy },
    { title: 'PLAN', value: row => shortDigest(row.plan), wide: true },
    { title: 'WHY', value: row => row.reason },
  ],
  name: row => row.id,
  empty: 'Nothing has run: "tidemark apply PLAN" begins a run.',
});

export const incidentsListing = (rows: readonly Incident[]): Listing<Incident> => ({
  rows,
  columns: [
    { title: 'ID', value: row => row.id },
    { title: 'STATE', value: row => row.state },
    { title: 'RUN', value: row => row.run },
    { title: 'HOST', value: row => row.host },
    { title: 'OPENED', value: row => moment(row.openedAt) },
    { title: 'ALIKE', value: row => (row.alike > 0 ? row.alike : null) },
    { title: 'TAKEN BY', value: row => row.takenBy },
    { title: 'WHAT', value: row => row.title },
    { title: 'DETAIL', value: row => row.detail, wide: true },
  ],
  name: row => String(row.id),
  empty: 'No incident: nothing needs a decision.',
});

export const fingerprintsListing = (rows: readonly Fingerprint[]): Listing<Fingerprint> => ({
  rows,
  columns: [
    { title: 'ID', value: row => row.id },
    { title: 'HOST', value: row => row.host },
    { title: 'PROFILE', value: row => row.profile },
    { title: 'SCANNED', value: row => moment(row.finishedAt) },
    { title: 'SOFTWARE', value: row => shortDigest(row.softwareRoot) },
    { title: 'CONFIG', value: row => shortDigest(row.configRoot) },
    { title: 'COVERAGE', value: row => JSON.stringify(row.coverage), wide: true },
  ],
  name: row => row.id,
  empty: 'No fingerprint: "tidemark scan HOST" takes one.',
});

export const baselinesListing = (rows: readonly Baseline[]): Listing<Baseline> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'HOST', value: row => row.host },
    { title: 'MADE', value: row => moment(row.createdAt) },
    { title: 'BY', value: row => row.createdBy },
    { title: 'FINGERPRINT', value: row => row.fingerprint, wide: true },
  ],
  name: row => row.name,
  empty: 'No baseline: "tidemark baseline create NAME --host HOST --key FILE" keeps a fingerprint as one.',
});

export const schedulesListing = (rows: readonly ScanSchedule[]): Listing<ScanSchedule> => ({
  rows,
  columns: [
    { title: 'NAME', value: row => row.name },
    { title: 'WHEN', value: row => `${row.cron} ${row.timezone}` },
    { title: 'HOSTS', value: row => row.select },
    { title: 'PROFILE', value: row => row.profile ?? 'of its products' },
    { title: 'ON DRIFT', value: row => row.onDrift },
    { title: 'NEXT', value: row => moment(row.nextDueAt) },
    { title: 'BY', value: row => row.createdBy, wide: true },
  ],
  name: row => row.name,
  empty: 'No scan comes by itself: "tidemark schedule create" lets one.',
});

export const waiversListing = (rows: readonly Waiver[]): Listing<Waiver> => ({
  rows,
  columns: [
    { title: 'ID', value: row => row.id },
    { title: 'HOST', value: row => row.host ?? (row.cluster === null ? 'all' : `all of ${row.cluster}`) },
    { title: 'PATH', value: row => row.path },
    { title: 'CLASS', value: row => row.class ?? 'all' },
    { title: 'PRODUCT', value: row => row.product ?? 'all', wide: true },
    { title: 'UNTIL', value: row => (row.endedAt === null ? moment(row.expiresAt) : `ended ${moment(row.endedAt)}`) },
    { title: 'BY', value: row => row.createdBy },
    { title: 'REASON', value: row => row.reason },
  ],
  name: row => row.id,
  empty: 'No waiver is in force.',
});

export const tokensListing = (rows: readonly ApiToken[]): Listing<ApiToken> => ({
  rows,
  columns: [
    { title: 'ID', value: row => row.id },
    { title: 'NAME', value: row => row.name },
    { title: 'ROLE', value: row => row.role },
    { title: 'MADE', value: row => moment(row.createdAt) },
    { title: 'EXPIRES', value: row => moment(row.expiresAt) },
    { title: 'REVOKED', value: row => moment(row.revokedAt) },
  ],
  name: row => row.id,
  empty: 'There is no token.',
});

export const auditListing = (rows: readonly AuditEntry[]): Listing<AuditEntry> => ({
  rows,
  columns: [
    { title: 'ID', value: row => row.id },
    { title: 'AT', value: row => moment(row.at) },
    { title: 'WHO', value: row => row.actor },
    { title: 'DID', value: row => row.action },
    { title: 'TO', value: row => row.subject },
    { title: 'DETAIL', value: row => row.detail, wide: true },
    { title: 'HASH', value: row => row.hash, wide: true },
  ],
  name: row => String(row.id),
  empty: 'The audit log is empty.',
});
