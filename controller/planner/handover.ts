import { NetworkPort, ServerPath, UnitName } from '@tidemark/shared/orders/arguments.ts';
import type { HandoverArgs } from '@tidemark/shared/orders/kinds/cluster.ts';
import { z } from 'zod';
import { Duration } from '../documents/quantities.ts';
import { Argv } from './check-settings.ts';
import { fillIn, type PlaceholderValues } from './placeholders.ts';

/* How a cluster's active role is given away, as policies write it under `handover.with`. */

const wait = Duration.default(30_000);

const ByCommand = z.strictObject({
  manager: z.literal('command').default('command'),
  command: Argv,
  confirm: Argv,
  wait,
});

const ByPatroni = z.strictObject({
  manager: z.literal('patroni'),
  unit: UnitName.default('patroni.service'),
  configuration: ServerPath.default('/etc/patroni/config.yml'),
  /** As Patroni calls the active member; takes placeholders, as `candidate`. */
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
  member: z.string().min(1).max(128).default('${host.name}'),
  /** Null: whichever member Patroni takes. */
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as above.
  candidate: z.string().min(1).max(128).nullable().default('${peer.name}'),
  wait,
});

const ByPostgres = z.strictObject({
  manager: z.literal('postgresql'),
  /** Of both servers: they must be laid out alike to change roles. */
  unit: UnitName,
  dataDirectory: ServerPath,
  socket: ServerPath.default('/var/run/postgresql'),
  port: NetworkPort.default(5432),
  systemUser: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
    .default('postgres'),
  /** Where the peer is reached; takes placeholders. */
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as above.
  peer: z.string().min(1).max(253).default('${peer.name}'),
  peerPort: NetworkPort.default(5432),
  /** At the peer. */
  user: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/),
  wait,
});

const BY_MANAGER = { command: ByCommand, patroni: ByPatroni, postgresql: ByPostgres } as const;
export type HandoverSettings = z.output<typeof ByCommand> | z.output<typeof ByPatroni> | z.output<typeof ByPostgres>;

/** What `with` may be; told by its manager, so that errors are about the one that was meant. */
export function handoverSchema(written: Readonly<Record<string, unknown>>): z.ZodType<HandoverSettings> {
  const manager = String(written['manager'] ?? 'command');
  if (Object.hasOwn(BY_MANAGER, manager)) return BY_MANAGER[manager as keyof typeof BY_MANAGER];
  return z.looseObject({
    manager: z.enum(['command', 'patroni', 'postgresql']),
  }) as unknown as z.ZodType<HandoverSettings>;
}

/** Every text that placeholders are filled into. */
export function handoverTexts(settings: HandoverSettings): string[] {
  switch (settings.manager) {
    case 'command':
      return [...settings.command, ...settings.confirm];
    case 'patroni':
      return [settings.member, settings.candidate ?? ''];
    case 'postgresql':
      return [settings.peer];
  }
}

export function handoverArgs(cluster: string, settings: HandoverSettings, values: PlaceholderValues): HandoverArgs {
  const filled = (text: string) => fillIn(text, values);
  const argv = (words: readonly string[]) => words.map(filled) as [string, ...string[]];
  switch (settings.manager) {
    case 'command': {
      const { command, confirm, wait: waitMs } = settings;
      return { cluster, command: argv(command), confirm: argv(confirm), waitMs };
    }
    case 'patroni': {
      const { wait: waitMs, member, candidate, ...rest } = settings;
      return { cluster, ...rest, member: filled(member), candidate: candidate && filled(candidate), waitMs };
    }
    case 'postgresql': {
      const { wait: waitMs, peer, ...rest } = settings;
      return { cluster, ...rest, peer: filled(peer), waitMs };
    }
  }
}
