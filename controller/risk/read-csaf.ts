import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import type { Advisory, Affected, Severity } from './advisory.ts';
import { type Ecosystem, ecosystemNamed, ecosystemOfCpe } from './ecosystems.ts';
import type { ReadAdvisory } from './read-osv.ts';
import { Instant, Name, Summary, wordScore } from './text.ts';

/*
 * CSAF 2.0 (docs.oasis-open.org/csaf/csaf/v2.0): a tree of products, relations that put components on platforms, and for each
 * weakness which products are affected and which fixed. A fixed product whose package URL names a version says: older ones are
 * affected. What has no package URL, or no platform that is known here, cannot be matched and is said.
 */

const Helper = z.object({ purl: z.string().max(2_000).optional(), cpe: z.string().max(2_000).optional() }).loose();
const Product = z.object({
  product_id: Name,
  name: z.string().max(2_000),
  product_identification_helper: Helper.optional(),
});
type Product = z.output<typeof Product>;

interface Branch {
  product?: Product | undefined;
  branches?: Branch[] | undefined;
}
const Branch: z.ZodType<Branch> = z.object({
  product: Product.optional(),
  get branches() {
    return z.array(Branch).max(100_000).optional();
  },
});

const Vulnerability = z.object({
  cve: Name.optional(),
  ids: z.array(z.object({ text: Name })).optional(),
  title: Summary.optional(),
  product_status: z
    .object({ fixed: z.array(Name).optional(), known_affected: z.array(Name).optional() })
    .loose()
    .optional(),
  scores: z
    .array(
      z.object({
        cvss_v3: z
          .object({ baseScore: z.number().min(0).max(10), vectorString: z.string().max(500).default('') })
          .optional(),
      }),
    )
    .optional(),
});

const CsafFile = z.object({
  document: z.object({
    category: z.string(),
    csaf_version: z.literal('2.0', { error: 'must be 2.0: other versions of CSAF are not read here' }),
    title: Summary,
    aggregate_severity: z.object({ text: z.string() }).optional(),
    tracking: z.object({ id: Name, current_release_date: Instant, status: z.enum(['draft', 'final', 'interim']) }),
  }),
  product_tree: z
    .object({
      branches: z.array(Branch).optional(),
      full_product_names: z.array(Product).optional(),
      relationships: z
        .array(
          z.object({
            product_reference: Name,
            relates_to_product_reference: Name,
            full_product_name: Product,
          }),
        )
        .optional(),
    })
    .optional(),
  vulnerabilities: z.array(Vulnerability).max(10_000).default([]),
});
type CsafFile = z.output<typeof CsafFile>;

export const isCsaf = (value: object): boolean => 'document' in value;

export function readCsaf(value: unknown): Result<ReadAdvisory, string> {
  const read = CsafFile.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return err(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'is of another shape'}`);
  }
  const file = read.data;
  const { document, vulnerabilities } = file;
  const products = productsOf(file);
  const affected = new Map<string, Affected>();
  const leftOut: string[] = [];
  for (const { product_status: status } of vulnerabilities)
    for (const id of status?.fixed ?? []) {
      const product = products.get(id);
      if (!product) return err(`vulnerabilities: the product ${id} is fixed and stands nowhere in product_tree`);
      if (!product.purl || !product.ecosystem) leftOut.push(product.name);
      else {
        const { name, version } = product.purl;
        const { key, order } = product.ecosystem;
        const range = { introduced: null, fixed: version, lastAffected: null };
        affected.set(`${key} ${name} ${version}`, { ecosystem: key, order, name, ranges: [range], versions: [] });
      }
    }
  const advisory: Advisory = {
    id: document.tracking.id,
    format: 'csaf',
    aliases: [
      ...new Set(
        vulnerabilities.flatMap(({ cve, ids }) => [...(cve ? [cve] : []), ...(ids ?? []).map(({ text }) => text)]),
      ),
    ].sort(),
    summary: document.title.slice(0, 500),
    severity: severityOf(file),
    modified: document.tracking.current_release_date,
    withdrawn: document.category === 'csaf_withdrawn' ? document.tracking.current_release_date : null,
    affected: [...affected.values()],
  };
  return ok({ advisory, leftOut });
}

function severityOf({ vulnerabilities, document }: CsafFile): Severity {
  const scores = vulnerabilities.flatMap(({ scores: given }) =>
    (given ?? []).flatMap(({ cvss_v3: score }) => score ?? []),
  );
  const [worst] = scores.sort((a, b) => b.baseScore - a.baseScore);
  if (worst) return { score: worst.baseScore, from: worst.vectorString };
  const word = document.aggregate_severity?.text ?? '';
  return { score: wordScore(word), from: word.toLowerCase() };
}

interface KnownProduct {
  name: string;
  purl: { name: string; version: string } | null;
  ecosystem: Ecosystem | null;
}

/** By id; what lies on a platform is of that platform's ecosystem. */
function productsOf({ product_tree: tree }: CsafFile): Map<string, KnownProduct> {
  const known = new Map<string, KnownProduct>();
  const add = (product: Product) => known.set(product.product_id, productOf(product));
  const waiting = [...(tree?.branches ?? [])];
  for (let branch = waiting.pop(); branch; branch = waiting.pop()) {
    if (branch.product) add(branch.product);
    waiting.push(...(branch.branches ?? []));
  }
  for (const product of tree?.full_product_names ?? []) add(product);
  for (const {
    product_reference: component,
    relates_to_product_reference: platform,
    full_product_name: whole,
  } of tree?.relationships ?? []) {
    const own = productOf(whole);
    known.set(whole.product_id, {
      name: whole.name,
      purl: own.purl ?? known.get(component)?.purl ?? null,
      ecosystem: known.get(platform)?.ecosystem ?? own.ecosystem ?? known.get(component)?.ecosystem ?? null,
    });
  }
  return known;
}

function productOf({ name, product_identification_helper: helper }: Product): KnownProduct {
  const purl = helper?.purl === undefined ? null : purlOf(helper.purl);
  const byCpe = helper?.cpe === undefined ? null : ecosystemOfCpe(helper.cpe);
  return { name, purl, ecosystem: byCpe ?? purl?.ecosystem ?? null };
}

/** `pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&epoch=1` (github.com/package-url/purl-spec). */
function purlOf(text: string): { name: string; version: string; ecosystem: Ecosystem | null } | null {
  const found = /^pkg:([a-z]+)\/(.+?)@([^?#]+)(?:\?([^#]*))?/.exec(text);
  if (!found) return null;
  const [, type, path = '', version = '', query = ''] = found;
  const parts = path.split('/').map(decoded);
  const qualifiers = new URLSearchParams(query);
  const epoch = qualifiers.get('epoch');
  return {
    name: type === 'npm' ? parts.join('/') : type === 'maven' ? parts.join(':') : (parts.at(-1) ?? ''),
    version: `${epoch ? `${epoch}:` : ''}${decoded(version)}`,
    ecosystem: libraryOf(type),
  };
}

const libraryOf = (type: string | undefined): Ecosystem | null => {
  const name = { npm: 'npm', pypi: 'PyPI', maven: 'Maven' }[type ?? ''];
  return name ? ecosystemNamed(name) : null;
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
