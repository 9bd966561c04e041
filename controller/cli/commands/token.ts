import { Option } from 'commander';
import { Role } from '../../api/contract/common.ts';
import type { AddCommand } from '../cli.ts';
import { writeNew } from '../files.ts';
import { durationOption, type PrintingOptions, prints, type TalkingOptions, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { moment } from '../output/time.ts';
import { withClient } from '../session.ts';

type CreateOptions = PrintingOptions & { role: Role; expiresIn?: number; out?: string };

/** `token create|revoke`. "get tokens" lists them. */
export const addToken: AddCommand = (program, { io }) => {
  const token = program.command('token').description('tokens with which people and programs talk to the controller');
  prints(
    talks(
      token
        .command('create')
        .description('make a token; its secret is shown this once')
        .argument('<name>', 'whose it is, as the audit log will name it')
        .addOption(new Option('--role <role>', 'what it may do').choices(Role.options).makeOptionMandatory())
        .option('--expires-in <duration>', 'how long it is good for; until it is revoked if not given', durationOption)
        .option('--out <file>', 'write it into a file that only you can read, instead of printing it'),
    ),
  ).action(async (name: string, options: CreateOptions) => {
    const expiresAt =
      options.expiresIn === undefined ? null : new Date(io.clock.now() + options.expiresIn).toISOString();
    const made = await withClient(io, options, client =>
      client.createApiToken({ body: { name, role: options.role, expiresAt } }),
    );
    if (options.out === undefined) printOne(io, options.output, made, made.token, () => [made.token]);
    else await writeNew(options.out, `${made.token}\n`, 0o600);
    io.err(
      `Token ${plain(made.id)} for ${plain(made.name)} (${made.role}), good until ${made.expiresAt === null ? 'it is revoked' : moment(made.expiresAt)}.\n`,
    );
  });
  talks(
    token.command('revoke').description('make a token worthless').argument('<id>', 'as "tidemark get tokens" shows it'),
  ).action(async (id: string, options: TalkingOptions) => {
    const revoked = await withClient(io, options, client => client.revokeApiToken({ params: { id } }));
    io.err(`Token ${plain(revoked.id)} of ${plain(revoked.name)} is worthless now.\n`);
  });
};
