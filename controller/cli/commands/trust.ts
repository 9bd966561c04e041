import { type Envelope, PayloadType, parseEnvelope, signEnvelope } from '@tidemark/shared/signing/dsse.ts';
import {
  encodeTrustRoot,
  openFirstTrustRoot,
  openNextTrustRoot,
  TrustRoot,
} from '@tidemark/shared/signing/trust-root.ts';
import { InvalidArgumentError } from 'commander';
import type { TrustRootView } from '../../api/contract/access.ts';
import type { AddCommand } from '../cli.ts';
import { CliError, Exit, usageError } from '../exit.ts';
import { readBytes, writeNew } from '../files.ts';
import { loadPrivateKey, loadPublicKey } from '../keys.ts';
import { countOption, type PrintingOptions, prints, type TalkingOptions, talks } from '../options.ts';
import { printOne } from '../output/format.ts';
import { plain } from '../output/sanitise.ts';
import { fields, table } from '../output/table.ts';
import { withClient } from '../session.ts';

interface CreateOptions {
  fleet: string;
  approver: { name: string; file: string }[];
  key: string[];
  passphraseFile?: string;
  after?: string;
  need: { patch: number; command: number };
  out: string;
}

/** `trust create|install|show`: whose approvals count on the servers. */
export const addTrust: AddCommand = (program, { io }) => {
  const trust = program.command('trust').description('whose approvals count: the trust root of the fleet');
  trust
    .command('create')
    .description(
      'make and sign a trust root; install the file on the servers, and on the controller with "trust install"',
    )
    .requiredOption('--fleet <name>', 'name of the fleet')
    .requiredOption(
      '--approver <name=file>',
      "an approver and the file of that person's public key; may be repeated",
      approverOption,
    )
    .requiredOption('--key <file>', 'private key of an approver that signs the file; may be repeated', collect)
    .option('--passphrase-file <file>', 'passphrase of sealed keys')
    .option('--need <class=count>', 'approvals that steps of class patch or command need', needOption, {
      patch: 1,
      command: 1,
    })
    .option('--after <file>', 'the trust root that this one follows; the first one of a fleet follows none')
    .requiredOption('--out <file>', 'where the trust root goes; it must not exist')
    .action(async (options: CreateOptions) => {
      const current = options.after === undefined ? null : openAny(options.after, await envelopeFrom(options.after));
      const approvers = await Promise.all(
        options.approver.map(async ({ name, file }) => ({
          name,
          publicKey: (await loadPublicKey(file)).toString('base64'),
          classes: ['observe' as const, 'patch' as const, 'command' as const],
        })),
      );
      const root: TrustRoot = {
        format: 'tidemark/trust-root/v1',
        fleet: options.fleet,
        version: (current?.version ?? 0) + 1,
        approvers,
        thresholds: { observe: 0, ...options.need },
      };
      const keys = await Promise.all(options.key.map(file => loadPrivateKey(file, options.passphraseFile)));
      const envelope = signEnvelope(PayloadType.trustRoot, encodeTrustRoot(root), keys);
      const opened = current === null ? openFirstTrustRoot(envelope) : openNextTrustRoot(envelope, current);
      if (!opened.ok) throw new CliError(Exit.error, `this trust root would be refused by servers: ${opened.error}`);
      await writeNew(options.out, `${JSON.stringify(envelope, null, 2)}\n`, 0o644);
      io.err(
        `Trust root version ${root.version} of fleet ${plain(root.fleet)} with ${approvers.length} ${approvers.length === 1 ? 'approver' : 'approvers'} is in ${options.out}.\n`,
      );
    });
  talks(
    trust.command('install').description('give the controller a trust root').argument('<file>', 'signed trust root'),
  ).action(async (file: string, options: TalkingOptions) => {
    const envelope = await envelopeFrom(file);
    const view = await withClient(io, options, client => client.setTrustRoot({ body: envelope }));
    io.err(`The controller has trust root version ${view.version} of fleet ${plain(view.fleet)}.\n`);
  });
  prints(talks(trust.command('show').description("show the controller's trust root"))).action(
    async (options: PrintingOptions) => {
      const view = await withClient(io, options, client => client.getTrustRoot());
      printOne(io, options.output, view, String(view.version), () => trustLines(view));
    },
  );
};

function trustLines(view: TrustRootView): string[] {
  return [
    ...fields([
      ['fleet', view.fleet],
      ['version', view.version],
      ['needed for patch', view.thresholds.patch],
      ['needed for command', view.thresholds.command],
    ]),
    '',
    ...table(
      [
        { title: 'APPROVER', value: approver => approver.name },
        { title: 'CLASSES', value: approver => approver.classes.join(', ') },
        { title: 'PUBLIC KEY', value: approver => approver.publicKey },
      ],
      view.approvers,
    ),
  ];
}

async function envelopeFrom(file: string): Promise<Envelope> {
  const envelope = parseEnvelope(await readBytes(file, 1024 * 1024));
  if (!envelope.ok) throw new CliError(Exit.error, `${file}: ${envelope.error}`);
  return envelope.value;
}

/** What a file says, without knowing yet whether servers believe it: its successor is checked against it. */
function openAny(file: string, envelope: Envelope): TrustRoot {
  try {
    return TrustRoot.parse(JSON.parse(Buffer.from(envelope.payload, 'base64').toString('utf8')));
  } catch {
    throw usageError(`${file} holds no trust root`);
  }
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

function approverOption(text: string, before: CreateOptions['approver'] | undefined): CreateOptions['approver'] {
  const match = /^([^=]+)=(.+)$/.exec(text);
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('Give NAME=FILE.');
  return [...(before ?? []), { name: match[1], file: match[2] }];
}

function needOption(text: string, before: CreateOptions['need']): CreateOptions['need'] {
  const match = /^(patch|command)=(.+)$/.exec(text);
  if (!match?.[1] || !match[2]) throw new InvalidArgumentError('Give patch=COUNT or command=COUNT.');
  const count = countOption(match[2]);
  if (count < 1) throw new InvalidArgumentError('What changes a server needs at least one approval.');
  return { ...before, [match[1]]: count };
}
