import type { HandoverArgs } from '@tidemark/shared/orders/kinds/cluster.ts';
import { describeArgv, describeEnd, runCommand } from '../platform/command.ts';
import { createPatroni } from '../platform/patroni.ts';
import { createPostgresPair } from '../platform/postgres-pair.ts';
import { type Executor, report, type StepContext, StepFailed, type StepReport } from './executor.ts';
import { untilReported } from './until-reported.ts';

type ByCommand = Extract<HandoverArgs, { command: unknown }>;
type ByPatroni = Extract<HandoverArgs, { manager: 'patroni' }>;
type ByPostgres = Extract<HandoverArgs, { manager: 'postgresql' }>;

const COMMAND_POLL_MS = 250;

/** Gives the active role away and waits until it is gone. */
export const clusterHandover: Executor<'cluster/handover'> = async (args, context) => {
  if ('command' in args) return byCommand(args, context);
  return args.manager === 'patroni' ? byPatroni(args, context) : byPostgres(args, context);
};

async function byCommand(args: ByCommand, context: StepContext): Promise<StepReport> {
  const begun = context.clock.monotonic();
  const end = await runCommand(args.command, context.place);
  if (end.status !== 0) {
    throw new StepFailed(
      `the handover of ${args.cluster} failed: ${describeArgv(args.command)}: ${describeEnd(end)}; ` +
        'find out which member is active before you go on',
    );
  }
  for (;;) {
    const confirmed = await runCommand(args.confirm, context.place);
    const tookMs = Math.round(context.clock.monotonic() - begun);
    if (confirmed.status === 0)
      return report(`${args.cluster} is handed over after ${tookMs} ms`, { cluster: args.cluster, tookMs });
    if (tookMs >= args.waitMs) {
      throw new StepFailed(
        `${args.cluster} was told to hand over, but after ${tookMs} ms this member is still active: ` +
          `${describeArgv(args.confirm)}: ${describeEnd(confirmed)}`,
      );
    }
    await new Promise(resolve => setTimeout(resolve, COMMAND_POLL_MS));
  }
}

/** Has ended once another member leads and this one follows it. */
async function byPatroni({ cluster, member, candidate, configuration, waitMs }: ByPatroni, context: StepContext) {
  const patroni = createPatroni(configuration, context.place);
  const before = await patroni.members();
  const own = before.find(each => each.name === member);
  if (!own) throw new StepFailed(`${member} is no member of ${cluster}: ${named(before)} are`, { members: before });
  if (!own.leads)
    return report(`${member} does not lead ${cluster}: there is nothing to hand over`, { members: before });
  const able = before.filter(each => each !== own && each.follows && each.lagBytes === 0);
  const wanted = candidate === null ? able : able.filter(each => each.name === candidate);
  if (wanted.length === 0) {
    const who = candidate ?? 'no member';
    throw new StepFailed(
      `${cluster} is not handed over: ${who} ${candidate === null ? 'follows with all that was written' : 'does not follow with all that was written'}; ` +
        'see patronictl list, and nothing has changed',
      { members: before },
    );
  }
  await patroni.switchover(member, candidate);
  return untilReported(waitMs, context, async tookMs => {
    const members = await patroni.members();
    const leader = members.find(each => each.leads && each.name !== member);
    const self = members.find(each => each.name === member);
    const facts = { cluster, leader: leader?.name ?? null, members, tookMs };
    if (leader && self?.follows)
      return report(`${leader.name} leads ${cluster} and ${member} follows it, after ${tookMs} ms`, facts);
    const why = leader ? `${leader.name} leads, but ${member} does not follow it` : 'nobody else leads';
    return new StepFailed(
      `${cluster} was told to hand over, and after ${tookMs} ms ${why}; see patronictl list`,
      facts,
    );
  });
}

/**
 * The server here stops in order, which sends everything to the peer; only when the peer says that it has everything is it
 * promoted. Where it has not, the server here starts again as it was.
 */
async function byPostgres(args: ByPostgres, context: StepContext): Promise<StepReport> {
  const { cluster, peer, waitMs } = args;
  const begun = context.clock.monotonic();
  const tookMs = () => Math.round(context.clock.monotonic() - begun);
  const pair = createPostgresPair(
    {
      ...args,
      dataDirectory: context.resolve(args.dataDirectory),
      socket: context.resolve(args.socket),
    },
    context,
  );
  if (await pair.ownInRecovery())
    return report(`this server is a standby of ${cluster} already: there is nothing to hand over`, { cluster });
  if (!(await pair.peerInRecovery()))
    throw new StepFailed(`${peer} is no standby: two servers of ${cluster} take writes; find out which one is right`);
  if (!(await pair.peerStreams()))
    throw new StepFailed(`nobody streams from this server, so ${peer} would miss writes; repair the replication first`);
  await pair.stopOwn();
  const last = await pair.ownLastPosition();
  const missing = await pair.waitForPeer(last, waitMs);
  if (missing !== null) {
    await pair.startOwn();
    throw new StepFailed(`${peer} has not got everything (${missing}, the end is ${last}), so it was not promoted`, {
      cluster,
      last,
      changed: false,
    });
  }
  await pair.promotePeer();
  const outageMs = tookMs();
  await pair.followPeer();
  await pair.startOwn();
  return untilReported(waitMs, context, async () => {
    const facts = { cluster, active: peer, last, outageMs, tookMs: tookMs() };
    if (await pair.ownStreams())
      return report(
        `${peer} is the primary of ${cluster} after ${outageMs} ms, and this server follows it after ${tookMs()} ms`,
        facts,
      );
    return new StepFailed(
      `${peer} is the primary of ${cluster}, but after ${tookMs()} ms this server does not stream from it; see its log`,
      facts,
    );
  });
}

const named = (members: readonly { name: string }[]): string => members.map(({ name }) => name).join(', ') || 'none';
