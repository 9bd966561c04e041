import { unreachable } from '@tidemark/shared/base/assert.ts';
import { z } from 'zod';
import { read } from '../platform/capture.ts';
import { type Argv, describeArgv, describeEnd, runCommand } from '../platform/command.ts';
import { holdUnits, releaseUnits } from '../platform/held-units.ts';
import { createPacemaker, type PacemakerStatus } from '../platform/pacemaker.ts';
import { createPatroni } from '../platform/patroni.ts';
import { needTool } from '../platform/tools.ts';
import { unitStates } from '../platform/units.ts';
import { unitHoldPlace } from './batch.ts';
import { beforeOf } from './before.ts';
import { type Executor, report, type StepContext, StepFailed, type StepReport } from './executor.ts';
import { untilReported } from './until-reported.ts';

type Args = Parameters<Executor<'cluster/leave'>>[0];

const KEEPALIVED = 'keepalived.service';

export const clusterLeave: Executor<'cluster/leave'> = (args, context) => {
  const { member } = args;
  switch (member.manager) {
    case 'pacemaker':
      return leavePacemaker(args, context);
    case 'keepalived':
      return leaveKeepalived(args, member.addresses, context);
    case 'patroni':
      return leavePatroni(args, member, context);
    case 'command':
      return byCommands(args, member.leave, member.left, 'has left', context);
    default:
      return unreachable(member);
  }
};

export const clusterJoin: Executor<'cluster/join'> = (args, context) => {
  const { member } = args;
  switch (member.manager) {
    case 'pacemaker':
      return joinPacemaker(args, context);
    case 'keepalived':
      return joinKeepalived(args, context);
    case 'patroni':
      return joinPatroni(args, member, context);
    case 'command':
      return byCommands(args, member.join, member.joined, 'is back in', context);
    default:
      return unreachable(member);
  }
};

/** Standby: its resources move to the others, and what ran before runs again before this ends. */
async function leavePacemaker({ cluster, waitMs }: Args, context: StepContext): Promise<StepReport> {
  const pacemaker = createPacemaker(context.place);
  const node = await pacemaker.ownName();
  const before = await pacemaker.status();
  const own = before.nodes.find(({ name }) => name === node);
  if (!own) throw new StepFailed(`${node} is no node of ${cluster}: crm_mon does not list it`);
  if (!before.quorum) throw new StepFailed(`${cluster} has no quorum, so nothing would move; repair it first`);
  const takers = before.nodes.filter(each => each !== own && each.online && !each.standby && !each.maintenance);
  if (takers.length === 0 && !own.standby)
    throw new StepFailed(`${node} is the only node of ${cluster} that can run anything; bring another one back first`);
  await standbyBefore(cluster, node, context).keep(own.standby);
  await pacemaker.setStandby(node, true);
  return untilReported(waitMs, context, async tookMs => {
    const now = await pacemaker.status();
    const left = now.nodes.find(({ name }) => name === node);
    const lost = before.active.filter(id => !now.settled.includes(id));
    const facts = { cluster, node, tookMs, lost };
    if (left?.standby && left.resources === 0 && lost.length === 0)
      return report(`${node} has left ${cluster} after ${tookMs} ms: it is in standby and runs nothing`, facts);
    const why = left?.resources
      ? `it still runs ${left.resources} resources`
      : `${lost.join(', ')} does not run anywhere`;
    return new StepFailed(`${node} has not left ${cluster} after ${tookMs} ms: ${why}; see crm_mon`, facts);
  });
}

/** What was in standby before it left stays so. */
async function joinPacemaker({ cluster, waitMs }: Args, context: StepContext): Promise<StepReport> {
  const pacemaker = createPacemaker(context.place);
  const node = await pacemaker.ownName();
  const memory = standbyBefore(cluster, node, context);
  if (memory.read() === true) {
    await memory.forget();
    return report(`${node} stays in standby in ${cluster}, as it was before it left`, { cluster, node, standby: true });
  }
  await pacemaker.setStandby(node, false);
  return untilReported(waitMs, context, async tookMs => {
    const { nodes }: PacemakerStatus = await pacemaker.status();
    const own = nodes.find(({ name }) => name === node);
    const facts = { cluster, node, standby: own?.standby ?? null, tookMs };
    if (!own?.online || own.standby)
      return new StepFailed(`${node} is not back in ${cluster} after ${tookMs} ms; see crm_mon`, facts);
    await memory.forget();
    return report(`${node} is online in ${cluster} again after ${tookMs} ms`, facts);
  });
}

const standbyBefore = (cluster: string, node: string, context: StepContext) =>
  beforeOf(['pacemaker', cluster, node], z.boolean(), context);

/** Stopped, it tells its peers so; held, it does not come back with a reboot. */
async function leaveKeepalived({ cluster, waitMs }: Args, addresses: string[], context: StepContext) {
  const [unit] = await unitStates([KEEPALIVED], context.place);
  if (unit?.load === 'not-found') throw new StepFailed(`there is no ${KEEPALIVED} on this server`);
  await holdUnits(holdOf(cluster), async () => [KEEPALIVED], context.clock.now(), unitHoldPlace(context));
  return untilReported(waitMs, context, async tookMs => {
    const here = (await ownAddresses(context)).filter(address => addresses.includes(address));
    const facts = { cluster, addresses: here, tookMs };
    return here.length === 0
      ? report(`this host has left ${cluster} after ${tookMs} ms: ${KEEPALIVED} is held`, facts)
      : new StepFailed(`${here.join(', ')} of ${cluster} is still on this host after ${tookMs} ms`, facts);
  });
}

async function joinKeepalived({ cluster }: Args, context: StepContext): Promise<StepReport> {
  const released = await releaseUnits(holdOf(cluster), unitHoldPlace(context));
  if (!released) return report(`this host had not left ${cluster}`, { cluster, started: [] });
  const { started } = released;
  const how = started.length > 0 ? `${KEEPALIVED} runs again` : `${KEEPALIVED} did not run before and does not now`;
  return report(`this host may take part in ${cluster} again: ${how}`, { cluster, started });
}

type Patroni = Extract<Args['member'], { manager: 'patroni' }>;

/** Held, its PostgreSQL ends with it and no boot brings it back; who leads hands over first. */
async function leavePatroni({ cluster, waitMs }: Args, { unit, member, configuration }: Patroni, context: StepContext) {
  const patroni = createPatroni(configuration, context.place);
  const own = (await patroni.members()).find(({ name }) => name === member);
  if (own?.leads)
    throw new StepFailed(`${member} leads ${cluster}: hand it over first (cluster/handover), nothing was stopped`);
  await holdUnits(holdOf(cluster), async () => [unit], context.clock.now(), unitHoldPlace(context));
  return untilReported(waitMs, context, async tookMs => {
    const members = await patroni.members();
    const leader = members.find(({ leads }) => leads);
    const left = members.find(({ name }) => name === member);
    const facts = { cluster, members, tookMs };
    if (leader && !left?.follows)
      return report(`${member} has left ${cluster} after ${tookMs} ms: ${unit} is held, ${leader.name} leads`, facts);
    const why = leader ? `Patroni still lists ${member} as one that follows` : 'nobody leads it';
    return new StepFailed(`${member} has not left ${cluster} after ${tookMs} ms: ${why}; see patronictl list`, facts);
  });
}

/** Back once it follows, with all that was written meanwhile. */
async function joinPatroni({ cluster, waitMs }: Args, { unit, member, configuration }: Patroni, context: StepContext) {
  const released = await releaseUnits(holdOf(cluster), unitHoldPlace(context));
  if (released && released.started.length === 0)
    return report(`${unit} did not run before and does not now`, { cluster, started: [] });
  const patroni = createPatroni(configuration, context.place);
  return untilReported(waitMs, context, async tookMs => {
    const members = await patroni.members();
    const own = members.find(({ name }) => name === member);
    const facts = { cluster, members, tookMs };
    if (own?.leads || (own?.follows && own.lagBytes === 0))
      return report(`${member} is back in ${cluster} after ${tookMs} ms, with all that was written`, facts);
    const why = own?.follows ? `it is ${own.lagBytes ?? 'an unknown number of'} bytes behind` : 'it does not follow';
    return new StepFailed(`${member} is not back in ${cluster} after ${tookMs} ms: ${why}; see patronictl list`, facts);
  });
}

/** For what is so already the command is not run again. */
async function byCommands({ cluster, waitMs }: Args, command: Argv, confirm: Argv, is: string, context: StepContext) {
  const isSo = async () => (await runCommand(confirm, context.place)).status === 0;
  if (await isSo()) return report(`this host ${is} ${cluster} already`, { cluster, changed: false });
  const end = await runCommand(command, context.place);
  if (end.status !== 0) throw new StepFailed(`${describeArgv(command)} failed: ${describeEnd(end)}`);
  return untilReported(waitMs, context, async tookMs => {
    const facts = { cluster, changed: true, tookMs };
    if (await isSo()) return report(`this host ${is} ${cluster} after ${tookMs} ms`, facts);
    return new StepFailed(
      `${describeArgv(command)} ended well, but after ${tookMs} ms ${describeArgv(confirm)} does not`,
      facts,
    );
  });
}

const holdOf = (cluster: string): string => `cluster-${cluster}`;

interface Link {
  addr_info?: { local?: string }[];
}

async function ownAddresses(context: StepContext): Promise<string[]> {
  const said = await read([needTool(context.root, 'ip'), '-json', 'address', 'show'], context.place);
  return (JSON.parse(said) as Link[]).flatMap(({ addr_info }) => (addr_info ?? []).flatMap(({ local }) => local ?? []));
}
