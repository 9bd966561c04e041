import type { DocumentPath } from '../documents/read.ts';
import { handoverSchema, handoverTexts } from './handover.ts';
import { unknownPlaceholders } from './placeholders.ts';
import type { ClusterRule, Handover, Policy } from './policy.ts';
import type { PolicyReader } from './policy-reader.ts';
import type { PolicyFile } from './policy-schema.ts';

type Written = PolicyFile['spec']['clusters'][number];

export function parseClusters(reader: PolicyReader): ClusterRule[] {
  const names = reader.file.spec.clusters.map(cluster => cluster.name);
  return reader.file.spec.clusters.flatMap((written, index) => {
    const path = ['spec', 'clusters', index];
    if (names.indexOf(written.name) !== index)
      reader.complain([...path, 'name'], `two entries of clusters are called ${written.name}`);
    checkOrder(reader, path, written);
    const before = reader.errors.length;
    const rule: ClusterRule = {
      name: written.name,
      when: reader.optionalCondition([...path, 'when'], written.when, 'host'),
      order: written.order,
      members: written.members ?? [],
      activeWhen: reader.optionalCondition([...path, 'activeWhen'], written.activeWhen, 'facts'),
      roles: written.roles === undefined ? null : reader.count([...path, 'roles'], written.roles, 'facts'),
      healthyWhen: reader.optionalCondition([...path, 'healthyWhen'], written.healthyWhen, 'facts'),
      minHealthy: written.minHealthy ?? null,
      handover: parseHandover(reader, [...path, 'handover'], written.handover),
      onFailure: written.onFailure,
      place: reader.place(path),
    };
    return reader.errors.length > before ? [] : [rule];
  });
}

/** Each order needs what it goes by, and what no order goes by would be read and never looked at. */
function checkOrder(reader: PolicyReader, path: DocumentPath, written: Written): void {
  const { order, members, activeWhen, roles, handover, when } = written;
  if (order === 'inactive-first' && activeWhen === undefined)
    reader.complain(path, 'activeWhen is missing: inactive-first has to know which member is active');
  if (handover !== undefined && activeWhen === undefined)
    reader.complain([...path, 'handover'], 'a handover has to know which member is active: give "activeWhen"');
  if (order === 'fewest-roles-first' && roles === undefined)
    reader.complain(path, 'roles is missing: fewest-roles-first has to know how many roles a member has');
  if (order !== 'fewest-roles-first' && roles !== undefined)
    reader.complain([...path, 'roles'], 'roles are looked at with order: fewest-roles-first alone');
  if (order === 'listed' && members === undefined)
    reader.complain(path, 'members is missing: listed goes by the order in which they are listed');
  if (order !== 'listed' && members !== undefined)
    reader.complain(
      [...path, 'members'],
      'members are looked at with order: listed alone; the landscape says who they are',
    );
  if (order === 'listed' && when !== undefined)
    reader.complain([...path, 'when'], 'with order: listed the entry is about the one cluster of its name');
  for (const [index, member] of (members ?? []).entries()) {
    if (members?.indexOf(member) !== index) reader.complain([...path, 'members', index], `${member} is listed twice`);
  }
}

const HANDOVER_PLACEHOLDERS = ['host.name', 'peer.name', 'cluster.name'] as const;

function parseHandover(reader: PolicyReader, path: DocumentPath, written: Written['handover']): Handover | null {
  if (!written) return null;
  if (written.uses !== 'cluster/handover') {
    reader.complain([...path, 'uses'], `a handover by ${written.uses} is not supported yet: write cluster/handover`);
    return null;
  }
  const args = reader.part([...path, 'with'], handoverSchema(written.with), written.with);
  if (!args) return null;
  for (const name of unknownPlaceholders(handoverTexts(args), HANDOVER_PLACEHOLDERS))
    reader.complain(
      [...path, 'with'],
      `the placeholder "${name}" is unknown here; known are ${HANDOVER_PLACEHOLDERS.join(', ')}`,
    );
  return {
    with: args,
    timeoutMs: written.timeout ?? null,
    place: reader.place(path),
  };
}

export function checkHandoverStep(reader: PolicyReader, policy: Pick<Policy, 'clusters' | 'steps'>): void {
  if (reader.errors.length > 0 || policy.steps.some(step => step.kind === 'cluster/handover')) return;
  const rule = policy.clusters.find(cluster => cluster.handover !== null);
  if (rule)
    reader.complain(
      ['spec', 'steps'],
      `no step uses cluster/handover, so the handover of ${rule.name} would never run`,
    );
}
