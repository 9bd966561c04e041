import { InvalidArgumentError, Option } from 'commander';
import type { AddCommand } from '../cli.ts';
import { writeNew } from '../files.ts';
import { durationOption, type PrintingOptions, prints, type TalkingOptions, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';

const MAX_TTL_MS = 86_400_000;

function ttlOption(text: string): number {
  const ms = durationOption(text);
  if (ms > MAX_TTL_MS) throw new InvalidArgumentError('A token is good for a day at most: give 24h or less.');
  return ms;
}

/** `enrol token|evict|ban`: which agents belong to the fleet. */
export const addEnrol: AddCommand = (program, { io }) => {
  const enrol = program.command('enrol').description('which agents belong to the fleet');
  prints(
    talks(
      enrol
        .command('token')
        .description('make a token with which the agent of one host enrols, once')
        .argument('<host>', 'name of the host, as the landscape calls it')
        .addOption(
          new Option('--ttl <duration>', 'how long it is good for, at most a day')
            .argParser(ttlOption)
            .default(600_000, '10m'),
        )
        .option('--out <file>', 'write it into a file that only you can read, instead of printing it'),
    ),
  ).action(async (host: string, options: PrintingOptions & { ttl: number; out?: string }) => {
    const { issued, known } = await withClient(io, options, async client => ({
      issued: await client.createEnrolmentToken({ body: { host, ttlMs: options.ttl } }),
      known: (await client.listHosts()).hosts.some(({ name }) => name === host),
    }));
    if (options.out === undefined) printOne(io, options.output, issued, issued.token, () => [issued.token]);
    else await writeNew(options.out, `${issued.token}\n`, 0o600);
    io.err(`Good for ${plain(host)}, once, until ${moment(issued.expiresAt)}.\n`);
    // Not refused: agents may be there before the landscape is. But a slip of the hand should be seen now.
    if (!known) io.err(`The landscape has no host ${plain(host)} yet: no policy selects it before it is imported.\n`);
  });
  talks(
    enrol
      .command('evict')
      .description("revoke a host's certificates; it may enrol again")
      .argument('<host>', 'name of the host'),
  ).action(async (host: string, options: TalkingOptions) => {
    await withClient(io, options, client => client.evictHost({ params: { name: host } }));
    io.err(`${plain(host)} is evicted: its agent needs a new token.\n`);
  });
  talks(
    enrol
      .command('ban')
      .description("revoke a host's certificates and refuse it from now on")
      .argument('<host>', 'name of the host'),
  ).action(async (host: string, options: TalkingOptions) => {
    await withClient(io, options, client => client.banHost({ params: { name: host } }));
    io.err(`${plain(host)} is banned.\n`);
  });
};
