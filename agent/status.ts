import { existsSync } from 'node:fs';
import { shortDigest } from '@tidemark/shared/base/digest.ts';
import { isOver, isUndo, type Standing } from '@tidemark/shared/orders/frontier.ts';
import { decodeOrder } from '@tidemark/shared/orders/order.ts';
import type { Report } from '@tidemark/shared/orders/report.ts';
import { journalFile } from './executor/executor.ts';
import { type Journal, openJournal, type StoredOrder } from './executor/journal.ts';
import { isEnrolled, loadIdentity } from './link/identity.ts';
import { readHolder } from './platform/lock-file.ts';
import { isAlive } from './platform/process.ts';
import { lockFile } from './run-agent.ts';
import { loadSealingKeys, sealingKeyFile } from './scan/sealing-key.ts';
import { readSecretKeyStatement } from './scan/secret-key.ts';

const SHOWN_ORDERS = 10;
const SHOWN_REPORTS = 10;

/** What this agent is doing, for a person at the server: read from its files, also while it runs or is dead. */
export function describeStatus(stateDir: string): string[] {
  const holder = readHolder(lockFile(stateDir));
  const lines = [holder && isAlive(holder) ? `agent     runs, process ${holder.pid}` : 'agent     does not run'];
  const identity = isEnrolled(stateDir) ? loadIdentity(stateDir) : null;
  if (!identity) lines.push('enrolled  no');
  else if (!identity.ok) lines.push(`enrolled  ${identity.error}`);
  else {
    const { hostId, fleet, linkAddress, notAfterMs } = identity.value;
    lines.push(`enrolled  ${hostId} in ${fleet}, controller ${linkAddress}`);
    lines.push(`          certificate until ${new Date(notAfterMs).toISOString()}`);
  }
  lines.push(...describeSealing(stateDir));
  if (!existsSync(journalFile(stateDir))) return [...lines, 'orders    none yet'];
  const journal = openJournal({
    file: journalFile(stateDir),
    onFull: () => false,
    onReport: () => undefined,
    readOnly: true,
  });
  try {
    return [...lines, ...describeOrders(journal), ...describeReports(journal)];
  } finally {
    journal.close();
  }
}

/** For whoever gives this server a key for secrets and wants to see that it is sealed to this server and nobody else. */
function describeSealing(stateDir: string): string[] {
  if (!existsSync(sealingKeyFile(stateDir))) return [];
  const publicKey = loadSealingKeys(stateDir).publicKey.toString('base64');
  const secretKey = readSecretKeyStatement(stateDir);
  const taken = secretKey ? `${secretKey.name} generation ${secretKey.generation}, ${secretKey.keyId}` : 'none yet';
  return [`sealing   ${publicKey}`, `secrets   key ${taken}`];
}

function describeOrders(journal: Journal): string[] {
  const orders = journal.orders().slice(-SHOWN_ORDERS);
  if (orders.length === 0) return ['orders    none yet'];
  return ['orders', ...orders.flatMap(order => describeOrder(order))];
}

function describeOrder({ digest, bytes, standing, acceptedAt }: StoredOrder): string[] {
  const decoded = decodeOrder(bytes);
  if (!decoded.ok) return [`  ${shortDigest(digest)}  ${decoded.error}`];
  const { plan, jobs } = decoded.value;
  const head = `  ${shortDigest(digest)}  ${plan.name}, taken ${new Date(acceptedAt).toISOString()}: ${describeStanding(standing, jobs.length)}`;
  const job = 'position' in standing ? jobs[standing.position] : undefined;
  return job && !isOver(standing) ? [head, `      next or now: ${job.name}`] : [head];
}

function describeStanding(standing: Standing, length: number): string {
  if (standing.state === 'finished') return `finished, ${length} jobs`;
  if (standing.state === 'undone') return 'taken back';
  const where = `job ${standing.position + 1} of ${length}`;
  const released = 'frontier' in standing ? `, released through ${standing.frontier}` : '';
  const how = 'outcome' in standing ? ` (${standing.outcome})` : '';
  return `${isUndo(standing) ? 'taking back: ' : ''}${standing.state.replace('undo-', '')}${how}, ${where}${released}`;
}

function describeReports(journal: Journal): string[] {
  const reports = journal.lastReports(SHOWN_REPORTS);
  if (reports.length === 0) return [];
  const waiting = journal.unacknowledged();
  return [
    `reports   ${waiting === 0 ? 'all acknowledged' : `${waiting} not acknowledged yet`}; the last:`,
    ...reports.map(describeReport),
  ];
}

function describeReport({ sequence, atMs, body }: Report): string {
  const head = `  ${String(sequence).padStart(5)}  ${new Date(atMs).toISOString()}  `;
  switch (body.type) {
    case 'job': {
      const how = `${body.direction === 'undo' ? 'undo ' : ''}${body.kind}`;
      return `${head}job ${body.job + 1} attempt ${body.attempt}: ${how}${body.message ? `: ${body.message}` : ''}`;
    }
    case 'order-refused':
    case 'dispatch-refused':
      return `${head}${body.type.replace('-', ' ')} (${body.code}): ${body.message}`;
    case 'amended': {
      const about = body.job === null ? 'the host' : `job ${body.job + 1}`;
      const answer = body.refused === null ? 'taken' : `refused (${body.refused.code}): ${body.refused.message}`;
      return `${head}${body.action} of ${about}, signed by a person: ${answer}`;
    }
    default:
      return `${head}${body.type.replace('-', ' ')} ${shortDigest(body.orderDigest)}`;
  }
}
