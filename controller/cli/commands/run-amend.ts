import type { Amendment, AmendmentAction } from '@tidemark/shared/orders/amendment.ts';
import { signAmendment } from '@tidemark/shared/signing/amendment.ts';
import type { Command } from 'commander';
import type { RunView } from '../../api/contract/runs.ts';
import type { Cli } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { loadPrivateKey } from '../keys.ts';
import { durationOption, type PrintingOptions, prints, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { openStored } from '../plans.ts';
import { withClient } from '../session.ts';

type AmendOptions = PrintingOptions & { reason: string; key: string[]; passphraseFile?: string; validFor?: number };

/** An hour: long enough to find a second signer, too short to be of use to somebody who finds it next week. */
const DEFAULT_LIFE_MS = 3_600_000;

/** `run retry|skip|done|undo`: decisions beyond the order, signed here. */
export function addRunAmend(run: Command, cli: Cli): void {
  add(run, cli, 'retry', 'do a failed job again, or begin again at an earlier one');
  add(run, cli, 'skip', 'go on without a job: it is not run');
  add(run, cli, 'done', 'go on behind a job that somebody did by hand');
  add(run, cli, 'undo', 'take a host back: the undo of all that was done on it');
}

function add(run: Command, { io }: Cli, action: AmendmentAction, description: string): void {
  const command = run
    .command(action)
    .description(`${description}; signed here, with a key that stays here`)
    .argument('<run>', 'like r12')
    .argument('<host>', 'name of the host');
  if (action !== 'undo')
    command.argument('[job]', 'its name or number in "run show"; the one that failed if not given');
  prints(
    talks(
      command
        .requiredOption('--reason <text>', 'why: it is signed with the decision and kept in the audit log')
        .requiredOption('--key <file...>', 'private keys of approvers: as many as the trust root asks for such steps')
        .option('--passphrase-file <file>', 'passphrase of sealed keys')
        .option('--valid-for <duration>', 'how long the host may take it; an hour if not given', durationOption),
    ),
  ).action(async (...given: unknown[]) => {
    // Commander hands over as many arguments as were declared, then the options and itself.
    const [id, host, third] = given as [string, string, string | undefined];
    const job = action === 'undo' ? undefined : third;
    const options = given.at(-2) as AmendOptions;
    const keys = await Promise.all(options.key.map(file => loadPrivateKey(file, options.passphraseFile)));
    await withClient(io, options, async client => {
      const view = await client.getRun({ params: { run: id } });
      // What is signed is bound to the order as it was hashed, and that is computed here.
      const plan = openStored(await client.getPlan({ params: { digest: view.plan } }), view.plan);
      const planned = plan.orders.find(({ order }) => order.host.name === host);
      if (!planned) throw new CliError(Exit.error, `run ${plain(id)} has no host ${plain(host)}`);
      const position = action === 'undo' ? null : positionOf(view, host, job);
      const now = io.clock.now();
      const amendment: Amendment = {
        format: 'tidemark/amendment/v1',
        fleet: plan.header.fleet,
        host: planned.order.host.id,
        order: planned.digest,
        action,
        job: position === null ? null : (planned.order.jobs[position]?.id ?? null),
        reason: options.reason,
        issuedAt: now,
        expiresAt: now + (options.validFor ?? DEFAULT_LIFE_MS),
      };
      const sent = await client.amendHost({ params: { run: id, host }, body: signAmendment(amendment, keys) });
      printOne(io, options.output, sent, sent.digest, () => [
        `Signed and sent: ${plain(sent.about)}`,
        `"tidemark run events ${plain(id)}" says what the host made of it.`,
      ]);
    });
  });
}

/** The job that somebody means; the one at which the host stands where nothing was said. */
function positionOf(view: RunView, host: string, job: string | undefined): number {
  const jobs = view.hosts.find(one => one.host === host)?.jobs ?? [];
  if (job === undefined) {
    const ended = jobs.filter(one => ['failed', 'missed', 'unknown'].includes(one.state));
    const [stands] = ended.filter(one => one.direction === 'undo').concat(ended);
    if (!stands) throw usageError(`${plain(host)} stands at no job that failed: say which job is meant`);
    return stands.position;
  }
  if (/^\d+$/.test(job)) return Math.max(0, Number(job) - 1);
  const positions = new Set(jobs.filter(one => one.job === job || one.step === job).map(one => one.position));
  const [position] = positions;
  if (position !== undefined && positions.size === 1) return position;
  const known = [...new Set(jobs.map(one => plain(one.job)))].join(', ');
  throw usageError(`${plain(job)} is not one job of ${plain(host)}: there are ${known}`);
}
