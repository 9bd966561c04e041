import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { AdvisoryName, type FrozenPackage, PackageSource } from '@tidemark/shared/orders/bundle.ts';
import { parseBundlePackage } from '@tidemark/shared/orders/kinds/package.ts';
import { z } from 'zod';
import type { DocumentError } from '../documents/errors.ts';
import { readDocument } from '../documents/read.ts';

/** What a file says that a bundle holds. */
export interface Manifest {
  releases: { product: string; version: string }[];
  packages: FrozenPackage[];
  advisories: string[];
}

const Advisories = z.array(AdvisoryName).max(1_000);
const Text = z.string().min(1).max(256);

/** `[family/]name[:arch]=version[@sha256]`, as on the command line. */
const Named = z.string().transform((text, context) => {
  const parsed = parseBundlePackage(text);
  if (parsed.ok) return parsed.value;
  context.addIssue({ code: 'custom', message: `"${text}" is no package: ${parsed.error}` });
  return z.NEVER;
});

const BundleFile = z.strictObject({
  apiVersion: z.literal('tidemark/v1'),
  kind: z.literal('Bundle'),
  spec: z.strictObject({
    releases: z
      .array(z.strictObject({ product: Text, version: Text }))
      .max(1_000)
      .default([]),
    packages: z
      .array(
        z.strictObject({
          package: Named,
          source: PackageSource.optional(),
          advisories: Advisories.min(1).optional(),
        }),
      )
      .max(5_000)
      .default([]),
    advisories: Advisories.default([]),
  }),
});

/** Reads the content of a bundle from YAML or JSON; all errors at once, with their places. */
export function readManifest(text: string, fileName: string): Result<Manifest, DocumentError[]> {
  const read = readDocument(text, fileName, BundleFile);
  if (!read.ok) return err(read.error);
  const { releases, packages, advisories } = read.value.value.spec;
  return ok({
    releases,
    packages: packages.map(({ package: exact, source, advisories: answers }) => ({
      ...exact,
      ...(source === undefined ? {} : { source }),
      ...(answers === undefined ? {} : { advisories: answers }),
    })),
    advisories,
  });
}
