import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { StepArgs } from '@tidemark/shared/orders/step-kinds.ts';
import { type Argv, describeArgv, describeEnd, runCommand } from '../platform/command.ts';
import { readBootId } from '../platform/process.ts';
import { findRebootNeed, type RebootNeed } from '../platform/reboot-need.ts';
import { findTool } from '../platform/tools.ts';
import { type Executor, report, type StepContext, StepFailed, type StepReport } from './executor.ts';
import { openRebootLog, type Reboot, type RebootLog } from './reboot-log.ts';

/** What the step knows of the server, and does to it. */
export interface RebootServer {
  bootId(): string;
  kernel(): string;
  /** Since boot, by a clock that never jumps. */
  uptimeMs(): number;
  now(): number;
  need(): Promise<Pick<RebootNeed, 'required' | 'reasons'>>;
  /** Asks for the reboot and returns; the server goes down some time later. */
  ask(): Promise<void>;
  /** From now on this process ends as soon as it is asked to: it has no result to write before the server is back. */
  endWithServer(): void;
  sleep(milliseconds: number): Promise<void>;
}

const POLL_MS = 250;

/**
 * Boots the server as often as it needs it. The process of this step ends with the server; a new one is started after the
 * boot, and the log says where it has to go on.
 */
export const systemReboot: Executor<'system/reboot'> = (args, context) => {
  if (!context.attempt) throw new StepFailed('a reboot belongs to an order');
  const { order, job, direction, number } = context.attempt;
  const log = openRebootLog(context.stateDir, order);
  return reboot(args, `${job} ${direction} ${number}`, log, serverOf(context));
};

/** `step` names this attempt: a reboot that an earlier one asked for in vain is not waited for again. */
export async function reboot(
  args: StepArgs<'system/reboot'>,
  step: string,
  log: RebootLog,
  server: RebootServer,
): Promise<StepReport> {
  let reboots = log.read();
  const last = reboots.at(-1);
  if (last && !last.back && !last.gaveUp) {
    if (last.fromBootId !== server.bootId()) {
      const back = { bootId: server.bootId(), at: server.now(), kernel: server.kernel() };
      reboots = replaceLast(log, reboots, { ...last, back });
    } else if (last.step === step) {
      // It was asked for and this process was started anew before the server went down.
      server.endWithServer();
      await untilDown(last, args.downMs, log, reboots, server);
    } else {
      reboots = replaceLast(log, reboots, { ...last, gaveUp: true });
    }
  }
  const done = reboots.filter(each => each.step === step && each.back);
  const need = await server.need();
  const facts = () => ({ reboots: reboots.map(factsOf), bootId: server.bootId(), ...need });
  if (!need.required && (done.length > 0 || args.when === 'needed')) return report(success(done, server), facts());
  const happened = reboots.filter(({ back }) => back).length;
  if (happened >= args.maxReboots) {
    const still = need.required ? `the server still needs one: ${reasonsOf(need)}` : 'this step asks for one more';
    throw new StepFailed(
      `${happened} reboots in this order are as many as it may have, and ${still}; find out why before you boot it again`,
      facts(),
    );
  }
  const asked: Reboot = {
    step,
    fromBootId: server.bootId(),
    askedAt: server.now(),
    askedUptimeMs: server.uptimeMs(),
    kernel: server.kernel(),
    back: null,
    gaveUp: false,
  };
  reboots = [...reboots, asked];
  // Before it is asked for: after the boot this is all that says that it was this step.
  log.write(reboots);
  // Before, too: a server that goes down ends this process before the command that asked for it has ended.
  server.endWithServer();
  try {
    await server.ask();
  } catch (error) {
    replaceLast(log, reboots, { ...asked, gaveUp: true });
    throw error;
  }
  return untilDown(asked, args.downMs, log, reboots, server);
}

/** Ends with the server, or says that it is still up. */
async function untilDown(
  asked: Reboot,
  downMs: number,
  log: RebootLog,
  reboots: readonly Reboot[],
  server: RebootServer,
): Promise<never> {
  const until = asked.askedUptimeMs + downMs;
  while (server.uptimeMs() < until) await server.sleep(Math.min(POLL_MS, until - server.uptimeMs()));
  replaceLast(log, reboots, { ...asked, gaveUp: true });
  throw new StepFailed(
    `the server was asked to reboot ${Math.round(server.uptimeMs() - asked.askedUptimeMs)} ms ago and is still up, in boot ` +
      `${server.bootId()}; find out what holds it (systemctl list-jobs, systemd-inhibit --list): it may still go down`,
    { bootId: server.bootId() },
  );
}

function replaceLast(log: RebootLog, reboots: readonly Reboot[], last: Reboot): Reboot[] {
  const changed = [...reboots.slice(0, -1), last];
  log.write(changed);
  return changed;
}

/** Clocks may have been set meanwhile: then how long it took is not known. */
const tookMs = ({ askedAt, back }: Reboot): number | null => (back && back.at >= askedAt ? back.at - askedAt : null);

const factsOf = (each: Reboot) => ({
  fromBootId: each.fromBootId,
  toBootId: each.back?.bootId ?? null,
  tookMs: tookMs(each),
  fromKernel: each.kernel,
  toKernel: each.back?.kernel ?? null,
});

function success(done: readonly Reboot[], server: RebootServer): string {
  if (done.length === 0) return `needs no reboot, and goes on in boot ${server.bootId()}`;
  const each = done.map(one => {
    const took = tookMs(one);
    const kernel = one.back && one.back.kernel !== one.kernel ? `, kernel ${one.kernel} -> ${one.back.kernel}` : '';
    const time = took === null ? 'in a time that is not known (the clock was set)' : `in ${(took / 1000).toFixed(1)} s`;
    return `rebooted ${time}: boot ${one.fromBootId} -> ${one.back?.bootId}${kernel}`;
  });
  return `${each.join('; ')}; needs no reboot any more`;
}

const reasonsOf = ({ reasons }: Pick<RebootNeed, 'reasons'>): string =>
  reasons.map(({ message }) => message).join('; ');

function serverOf(context: StepContext): RebootServer {
  return {
    bootId: readBootId,
    kernel: release,
    uptimeMs: () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000,
    now: () => context.clock.now(),
    need: () => findRebootNeed(context.place),
    async ask() {
      const command = rebootCommand(context.root);
      const end = await runCommand(command, context.place);
      if (end.status !== 0)
        throw new StepFailed(`the server could not be asked to reboot: ${describeArgv(command)}: ${describeEnd(end)}`);
    },
    endWithServer: () => void process.on('SIGTERM', () => process.exit(0)),
    sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
  };
}

function rebootCommand(root: string): Argv {
  const systemctl = existsSync('/run/systemd/system') ? findTool(root, 'systemctl') : null;
  if (systemctl !== null) return [systemctl, 'reboot'];
  const shutdown = findTool(root, 'shutdown');
  if (shutdown !== null) return [shutdown, '-r', 'now'];
  const plain = findTool(root, 'reboot');
  if (plain !== null) return [plain];
  throw new StepFailed('there is no systemctl, shutdown or reboot on this server; reboot it by hand');
}
