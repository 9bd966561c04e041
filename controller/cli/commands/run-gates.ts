import { signApproval } from '@tidemark/shared/signing/approval.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { loadPrivateKey } from '../keys.ts';
import { durationOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { openStored } from '../plans.ts';
import { withClient } from '../session.ts';

type ApproveOptions = PrintingOptions & { key: string; passphraseFile?: string; validFor?: number };
type SignalOptions = PrintingOptions & { go?: boolean; reason?: string };

/** `run approve|signal`: what waves wait for at their gates. */
export function addRunGates(run: Command, { io }: Cli): void {
  prints(
    talks(
      run
        .command('approve')
        .description('sign that a wave may open; signed here, with a key that stays here')
        .argument('<run>', 'like r12')
        .argument('<wave>', 'name of the wave')
        .requiredOption('--key <file>', 'private key of the approver')
        .option('--passphrase-file <file>', 'passphrase of a sealed key')
        .option(
          '--valid-for <duration>',
          "how long it counts; to the end of the run's window if not given",
          durationOption,
        ),
    ),
  ).action(async (id: string, wave: string, options: ApproveOptions) => {
    const key = await loadPrivateKey(options.key, options.passphraseFile);
    await withClient(io, options, async client => {
      const view = await client.getRun({ params: { run: id } });
      const plan = openStored(await client.getPlan({ params: { digest: view.plan } }), view.plan);
      if (!plan.header.waves.some(({ name }) => name === wave))
        throw usageError(
          `run ${plain(id)} has no wave ${plain(wave)}: there are ${plan.header.waves.map(({ name }) => plain(name)).join(', ')}`,
        );
      const now = io.clock.now();
      const expiresAt = options.validFor === undefined ? plan.header.window.end : now + options.validFor;
      if (expiresAt <= now) throw new CliError(Exit.error, "the run's window is over");
      const approval = signApproval(
        {
          ...{ format: 'tidemark/approval/v1', fleet: plan.header.fleet, plan: plan.digest },
          ...{ gate: `wave/${wave}`, approvedAt: now, expiresAt },
        },
        key,
      );
      const after = await client.approveWave({ params: { run: id, wave }, body: approval });
      printOne(io, options.output, after, wave, () => [
        `Signed. Approved by ${after.approvers.map(plain).join(', ')}.`,
      ]);
    });
  });
  prints(
    talks(
      run
        .command('signal')
        .description('say go or no-go to a gate that waits for a signal')
        .argument('<run>', 'like r12')
        .argument('<wave>', 'name of the wave')
        .argument('<gate>', 'name of the gate')
        .option('--go', 'the wave may open')
        .option('--no-go', 'the wave does not open')
        .option('--reason <text>', 'why: it is kept in the audit log'),
    ),
  ).action(async (id: string, wave: string, gate: string, { go, ...options }: SignalOptions) => {
    if (go === undefined) throw usageError('say --go or --no-go');
    const after = await withClient(io, options, client =>
      client.signalGate({ params: { run: id, wave, gate }, body: { go, reason: options.reason ?? '' } }),
    );
    printOne(io, options.output, after, after.id, () => [
      `Gate ${plain(gate)} of wave ${plain(wave)} was told ${go ? 'go' : 'no-go'}.`,
    ]);
  });
}
