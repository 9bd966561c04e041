import { PackageName } from '@tidemark/shared/orders/kinds/package.ts';
import { Service } from '@tidemark/shared/orders/kinds/service.ts';
import { z } from 'zod';

/** What goes into job names, ids and file names: no space, no separator, nothing that a terminal acts on. */
const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'must be letters, digits, ".", "_" or "-"');
const HostName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/, 'must be a host name: letters, digits, ".", "_" or "-"');
/** One word or a few, as it stands in "stop database orders-db on db01". */
const Kind = z.string().regex(/^[A-Za-z][A-Za-z0-9 ._-]{0,63}$/, 'must be a word like "database"');
const Tag = z.string().min(1).max(128);
const ServerPath = z
  .string()
  .max(4096)
  .regex(/^\/(?!.*(^|\/)\.\.(\/|$))/, 'must be an absolute path without ".."');

const Health = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }),
  status: z.int().min(100).max(599).default(200),
  /** Text that the answer must hold. */
  text: z.string().min(1).max(4096).nullish(),
});

const Host = z.strictObject({
  name: HostName,
  application: Name.nullish(),
  environment: Name.nullish(),
  tags: z.array(Tag).default([]),
  attributes: z.record(z.string().min(1).max(128), z.json()).default({}),
});

const Component = z.strictObject({
  name: Name,
  host: HostName,
  /** The host's where it is not said. */
  application: Name.nullish(),
  tier: Name.nullish(),
  kind: Kind,
  product: Name.nullish(),
  /** Where its releases lie; `/opt/<product>` where it is not said. */
  home: ServerPath.nullish(),
  /** The operating system's package that it runs from: it is stopped while that is upgraded. */
  package: PackageName.nullish(),
  service: Service.nullish(),
  health: Health.nullish(),
  /** Globs over absolute paths whose content is this host's own: a fingerprint of a peer may differ there. */
  perHostConfig: z.array(ServerPath).default([]),
});

const Cluster = z.strictObject({ name: Name, members: z.array(HostName).min(1) });

/** The landscape as people and CMDB exports write it. */
export const LandscapeFile = z.strictObject({
  apiVersion: z.literal('tidemark/v1'),
  kind: z.literal('Landscape'),
  /** Where it is given, no component can be in another tier: a slip of the hand is found here and not on patch night. */
  tiers: z.array(Name).min(1).optional(),
  hosts: z.array(Host).min(1),
  components: z.array(Component).default([]),
  clusters: z.array(Cluster).default([]),
});
export type LandscapeFile = z.output<typeof LandscapeFile>;
