import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { Cron } from 'croner';
import { z } from 'zod';
import type { DocumentError } from '../documents/errors.ts';
import { durationUpTo } from '../documents/quantities.ts';
import { readDocument } from '../documents/read.ts';
import { DEFAULT_MAX_DROP } from './drop.ts';
import { Mapping } from './mapping.ts';

/** Of sources, and of what was given by hand under a name. */
export const SOURCE_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/**
 * Where a secret is: a file in the controller's directory of secrets, or a variable of its environment. Never the secret
 * itself. Both are bounded, so that no source can send away what was not put there for sources.
 */
const Secret = z.union([
  z.strictObject({
    file: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be the name of a file in the directory of secrets'),
  }),
  z.strictObject({ env: z.string().regex(/^TIDEMARK_SECRET_[A-Z0-9_]{1,64}$/, 'must begin with TIDEMARK_SECRET_') }),
]);
export type Secret = z.output<typeof Secret>;

const Url = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .refine(
    url => new URL(url).username === '' && new URL(url).password === '',
    'must hold no password: name a secret instead',
  );
const http = {
  url: Url,
  /** Name of a PEM file in the directory of secrets: who signs certificates at this site. */
  ca: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .optional(),
  /** A secret over plain HTTP is everybody's: somebody has to say that it may. */
  plainHttp: z.boolean().default(false),
};
const Basic = z.strictObject({ user: z.string().min(1).max(256), password: Secret });
const AbsolutePath = z.string().regex(/^\/(?!.*(^|\/)\.\.(\/|$))/, 'must be an absolute path without ".."');
const Filter = z.record(z.string().regex(/^[a-z0-9_]{1,64}$/), z.union([z.string(), z.array(z.string())]));

const File = z.strictObject({ path: AbsolutePath, format: z.enum(['landscape', 'csv', 'json', 'ansible']).optional() });
const NetBox = z.strictObject({
  ...http,
  token: Secret,
  /** Parameters of its lists of devices and machines: `{status: active, tag: patched}`. */
  filter: Filter.default({ status: 'active' }),
  /** Which of the lists hold hosts. */
  devices: z.boolean().default(true),
  virtualMachines: z.boolean().default(true),
  /** Services become components, as far as they belong to a host that is taken. */
  services: z.boolean().default(true),
});
const Table = z.strictObject({
  table: z.string().regex(/^[a-z0-9_]{1,80}$/, 'must be the name of a table'),
  query: z.string().max(4_096).default(''),
  fields: z
    .array(z.string().regex(/^[a-z0-9_.]{1,128}$/))
    .max(100)
    .default([]),
  mapping: Mapping,
});
const ServiceNow = z.strictObject({
  ...http,
  basic: Basic.optional(),
  token: Secret.optional(),
  tables: z.array(Table).min(1).max(20),
  /** Reads relations of the CMDB as dependencies of the components that were taken. */
  relations: z.boolean().default(false),
});
const Http = z.strictObject({
  ...http,
  basic: Basic.optional(),
  token: Secret.optional(),
  /** JSONata: from the answer to `{hosts, components, clusters, ...}` as landscape files have them. */
  jsonata: z
    .string()
    .min(1)
    .max(64 * 1024),
  /** JSONata: from an answer to the address of the next page; nothing where there is none. */
  next: z.string().min(1).max(4_096).optional(),
});
const Ansible = z.strictObject({
  /** A script and its arguments; `--list` is added. Only what the controller's settings name is run. */
  argv: z.array(z.string().max(4_096)).min(1).max(32),
});

const Spec = z.strictObject({
  file: File.optional(),
  netbox: NetBox.optional(),
  servicenow: ServiceNow.optional(),
  http: Http.optional(),
  ansible: Ansible.optional(),
  mapping: Mapping.optional(),
  /** Where two sources contradict each other the higher one counts. */
  priority: z.int().min(-1_000).max(1_000).default(0),
  schedule: z
    .strictObject({ cron: z.string().min(1).max(128), timezone: z.string().min(1).max(64).default('UTC') })
    .optional(),
  maxDrop: z
    .string()
    .regex(/^(100|\d{1,2})%$/, 'must be a share like 20%')
    .transform(text => Number(text.slice(0, -1)) / 100)
    .default(DEFAULT_MAX_DROP),
  onConflict: z.enum(['refuse', 'leave-out']).default('refuse'),
  /** Older than this, plans are told that the landscape is stale. */
  maxAge: durationUpTo(31).default(24 * 3_600_000),
  /** All of one reading. */
  timeout: durationUpTo(1).default(10 * 60_000),
});

const SourceFile = z.strictObject({
  apiVersion: z.literal('tidemark/v1'),
  kind: z.literal('LandscapeSource'),
  metadata: z.strictObject({
    name: z.string().regex(SOURCE_NAME, 'must be lower-case letters, digits and "-", 63 at most'),
  }),
  spec: Spec,
});

type Connectors = Pick<z.output<typeof Spec>, 'file' | 'netbox' | 'servicenow' | 'http' | 'ansible'>;
const CONNECTORS = ['file', 'netbox', 'servicenow', 'http', 'ansible'] as const;

/** A place that the landscape is read from, checked. */
export interface LandscapeSource extends Omit<z.output<typeof Spec>, keyof Connectors> {
  name: string;
  /** As somebody wrote it. */
  text: string;
  connector: { [K in keyof Connectors]-?: { kind: K } & NonNullable<Connectors[K]> }[keyof Connectors];
}

/** Reads the description of a source; all errors with their places. */
export function readSource(text: string, fileName: string): Result<LandscapeSource, DocumentError[]> {
  const read = readDocument(text, fileName, SourceFile);
  if (!read.ok) return read;
  const { value, positionOf } = read.value;
  const { file, netbox, servicenow, http: web, ansible, ...rest } = value.spec;
  const refuse = (path: string[], message: string) => err([{ message, file: fileName, ...positionOf(path) }]);
  const given = { file, netbox, servicenow, http: web, ansible };
  const kinds = CONNECTORS.filter(kind => given[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1)
    return refuse(
      ['spec'],
      `spec must have exactly one of ${CONNECTORS.join(', ')}: it is where the source is read from`,
    );
  const connector = { kind, ...given[kind] } as LandscapeSource['connector'];
  const problem = connectorProblem(connector, rest.mapping !== undefined);
  if (problem !== null) return refuse(['spec', kind], problem);
  if (rest.schedule) {
    const { cron, timezone } = rest.schedule;
    if (nextImport({ cron, timezone }, 0) === null)
      return refuse(
        ['spec', 'schedule'],
        `"${cron}" in ${timezone} is no schedule that ever comes: five fields of cron and an IANA time zone`,
      );
  }
  return ok({ ...rest, name: value.metadata.name, text, connector });
}

function connectorProblem(connector: LandscapeSource['connector'], isMapped: boolean): string | null {
  if ('plainHttp' in connector && connector.url.startsWith('http:') && hasSecret(connector) && !connector.plainHttp)
    return 'url must be https where a secret is sent: over http everybody on the way reads it (plainHttp: true says that it may)';
  if (connector.kind === 'servicenow' && (connector.basic === undefined) === (connector.token === undefined))
    return 'servicenow must have basic or token';
  if (connector.kind === 'http' && connector.basic !== undefined && connector.token !== undefined)
    return 'http can have basic or token, not both';
  const format = connector.kind === 'file' ? formatOf(connector) : null;
  if ((format === 'csv' || format === 'json') && !isMapped)
    return `a ${format} file needs a mapping: it says which column is which field`;
  return null;
}

const hasSecret = (connector: { token?: unknown; basic?: unknown }): boolean =>
  connector.token !== undefined || connector.basic !== undefined;

type FileFormat = NonNullable<z.output<typeof File>['format']>;

/** By the end of its name where it is not said. */
export function formatOf({ path, format }: { path: string; format?: FileFormat | undefined }): FileFormat {
  if (format !== undefined) return format;
  if (/\.(csv|tsv)$/i.test(path)) return 'csv';
  return /\.ini$|\/hosts$/i.test(path) ? 'ansible' : 'landscape';
}

/** When a schedule comes next after a moment, in milliseconds; null where it never does or is none. */
export function nextImport({ cron, timezone }: { cron: string; timezone: string }, after: number): number | null {
  try {
    return new Cron(cron, { timezone, mode: '5-part' }).nextRun(new Date(after))?.getTime() ?? null;
  } catch {
    return null;
  }
}
