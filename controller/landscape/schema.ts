import { isIP } from 'node:net';
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

/** Control characters, and those that turn the direction of text: with them a line shows something else than it says. */
const UNSEEN = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;
const shownText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine(text => !UNSEEN.test(text) && text.isWellFormed(), 'holds a control character, or one that turns the text');
const Tag = shownText(128);
/** What reaches into objects where programs take it for a key. */
const REACHING = ['__proto__', 'constructor', 'prototype'];
const AttributeName = shownText(128).refine(name => !REACHING.includes(name), 'is no name for an attribute');
const Day = z.iso.date('must be a day like 2027-03-31');

const ServerPath = z
  .string()
  .max(4096)
  .regex(/^\/(?!.*(^|\/)\.\.(\/|$))/, 'must be an absolute path without ".."');

/** `orders-db@db01`. */
const Ref = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}@[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/,
    'must be a component and its host, like orders-db@db01',
  );

const Health = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }),
  status: z.int().min(100).max(599).default(200),
  /** Text that the answer must hold. */
  text: z.string().min(1).max(4096).nullish(),
});

export const Host = z.strictObject({
  name: HostName,
  application: Name.nullish(),
  environment: Name.nullish(),
  tags: z.array(Tag).default([]),
  attributes: z.record(AttributeName, z.json()).default({}),
  /** What other systems know it by, by the system. */
  ids: z.record(Name, shownText(256)).default({}),
  addresses: z.array(z.string().refine(text => isIP(text) !== 0, 'must be an IPv4 or IPv6 address')).default([]),
});

export const Component = z.strictObject({
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
  uses: z.array(Ref).default([]),
  runsOn: z.array(Ref).default([]),
  partOf: z.array(Ref).default([]),
});

export const Cluster = z.strictObject({ name: Name, members: z.array(HostName).min(1) });

const TimeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be a time like "06:00"');

export const Application = z.strictObject({
  name: Name,
  owner: shownText(256).nullish(),
  serviceLevel: z
    .strictObject({
      availability: z.number().min(0).max(100).nullish(),
      hours: z
        .strictObject({
          days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).min(1),
          from: TimeOfDay,
          to: TimeOfDay,
          timezone: z.string().refine(isTimeZone, 'must be an IANA time zone like Europe/Berlin'),
        })
        .nullish(),
      penaltyClass: Name.nullish(),
    })
    .nullish(),
});

export const Contract = z
  .strictObject({
    kind: z.enum(['licence', 'maintenance']),
    product: Name.nullish(),
    host: HostName.nullish(),
    vendor: shownText(256).nullish(),
    number: shownText(128).nullish(),
    ends: Day,
  })
  .refine(({ product, host }) => product != null || host != null, 'must be about a product, a host, or both');

export const OsSupport = z.strictObject({
  os: Name,
  release: Name,
  ends: Day,
  source: shownText(512).default('imported'),
});

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The landscape as people and CMDB exports write it. */
export const LandscapeFile = z.strictObject({
  apiVersion: z.literal('tidemark/v1'),
  kind: z.literal('Landscape'),
  /** Where it is given, no component can be in another tier: a slip of the hand is found here and not on patch night. */
  tiers: z.array(Name).min(1).optional(),
  hosts: z.array(Host).default([]),
  components: z.array(Component).default([]),
  clusters: z.array(Cluster).default([]),
  applications: z.array(Application).default([]),
  contracts: z.array(Contract).default([]),
  osSupport: z.array(OsSupport).default([]),
});
export type LandscapeFile = z.output<typeof LandscapeFile>;

/** One entry of each section, for sources that give rows instead of a file. */
export const sections = {
  hosts: Host,
  components: Component,
  clusters: Cluster,
  applications: Application,
  contracts: Contract,
  osSupport: OsSupport,
} as const;
export type Section = keyof typeof sections;
