import { celLanguage } from '@tidemark/shared/conditions/cel.ts';
import { type Shape, shapeOf } from '@tidemark/shared/conditions/shape.ts';
import type { TreeOptions } from '@tidemark/shared/conditions/tree.ts';
import { SECTIONS } from '@tidemark/shared/inventory/kinds.ts';
import { z } from 'zod';

/* What a host is to queries and groups: what the landscape says of it, and every section of its inventory. */

/** What the landscape says; what it does not say is an empty text. */
const SAID = {
  name: z.string(),
  app: z.string(),
  application: z.string(),
  env: z.string(),
  environment: z.string(),
  tags: z.array(z.string()),
  attributes: z.record(z.string(), z.unknown()),
  cluster: z.string(),
  tiers: z.array(z.string()),
  components: z.array(z.string()),
  products: z.array(z.string()),
  role: z.string(),
} as const;
export type Said = z.output<z.ZodObject<typeof SAID>>;

/** Without what is about the agent itself: nobody selects servers by it. */
const { packages, sealingKey: _key, secretKey: _secret, holds: _holds, ...sections } = SECTIONS;

/** Of the packages the list itself, since that is what people ask for. */
const FOUND = {
  ...sections,
  packages: packages.shape.installed,
  /** What the site's own programs printed, by their names. */
  facts: z.record(z.string(), z.unknown()),
  groups: z.array(z.string()),
} as const;

const SHAPE: Shape = shapeOf({ ...SAID, ...FOUND }, 'Host');

export const isSaid = (field: string): field is keyof Said => Object.hasOwn(SAID, field);
/** Lists of things, which are asked about one by one. */
const LISTS = new Set(
  Object.entries(SHAPE.fields).flatMap(([field, type]) => (/^list<Host_/.test(type) ? [field] : [])),
);
export const isList = (field: string): boolean => LISTS.has(field);

export const HOST_LANGUAGE: TreeOptions = {
  language: celLanguage({ host: SHAPE.fields }, SHAPE.types),
  variable: 'host',
  groups: 'groups',
  lists: LISTS,
};
