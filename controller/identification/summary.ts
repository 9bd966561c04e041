import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { idsOf } from './edition-sets.ts';

/*
 * What is known of all files below a directory, added up: how many are of which products and versions. It says nothing of a
 * host, so it holds for every host that has the directory, and the sum of directories is that of the one above.
 */

export interface Tally {
  files: number;
  /** Those that run, and their bytes. */
  programs: number;
  bytes: number;
}

export interface Summary {
  /** Entries of all kinds: what it would cost to find out again. */
  entries: number;
  /** Entries that somebody may want to be named: programs of no known content, edited configuration. */
  notable: number;
  /** By {@link Identity}, as text. */
  known: Map<string, Tally>;
  /** At paths that no product has. */
  stray: Tally;
}

/**
 * same: content of these editions. other: a content that none of the product's has. config-same and config-other: the same of
 * configuration. owned: the product says that the path is its own and no more.
 */
export const MATCHES = {
  same: '=',
  'same-optional': '~',
  other: '!',
  'config-same': 'c',
  'config-other': 'C',
  owned: 'o',
} as const;
export type Match = keyof typeof MATCHES;

/** What one file is to one product that has its path. */
export interface Claim {
  /** The product's anchor. */
  product: number;
  match: Match;
  /** Ids of editions. */
  editions: number[];
}

/** What one file is to all products that have its path, as text: `12=101-107|87!`. */
export type Identity = string;

export const claimText = (product: number, match: Match, editions: string): Identity =>
  `${product}${MATCHES[match]}${editions}`;

const CLAIM = /^(\d+)([=~!cCo])([\d,-]*)$/;
/** Whether an identity has a claim of one of these products. */
export const claimBy = (products: Iterable<number>): RegExp =>
  new RegExp(`(?:^|\\|)(?:${[...products].join('|')})[^\\d]`);

const MATCH_OF = Object.fromEntries(Object.entries(MATCHES).map(([match, mark]) => [mark, match])) as Record<
  string,
  Match
>;

export const claimsOf = (identity: Identity): Claim[] =>
  identity.split('|').map(part => {
    const [, product, mark = '', editions = ''] = CLAIM.exec(part) ?? [];
    return { product: Number(product), match: MATCH_OF[mark] ?? 'owned', editions: idsOf(editions) };
  });

export const emptyTally = (): Tally => ({ files: 0, programs: 0, bytes: 0 });
export const emptySummary = (): Summary => ({ entries: 0, notable: 0, known: new Map(), stray: emptyTally() });

export function addTally(to: Tally, { files, programs, bytes }: Readonly<Tally>): void {
  to.files += files;
  to.programs += programs;
  to.bytes += bytes;
}

/** Adds the sum of a directory to that of the one above. */
export function addSummary(to: Summary, from: Summary): void {
  to.entries += from.entries;
  to.notable += from.notable;
  addTally(to.stray, from.stray);
  for (const [identity, tally] of from.known) {
    const known = to.known.get(identity);
    if (known) addTally(known, tally);
    else to.known.set(identity, { ...tally });
  }
}

const numbersOf = ({ files, programs, bytes }: Tally): [number, number, number] => [files, programs, bytes];
type Encoded = [entries: number, notable: number, stray: number[], known: [string, ...number[]][]];

/** For the store; {@link decodeSummary} gives it back. */
export function encodeSummary({ entries, notable, stray, known }: Summary): Buffer {
  const encoded: Encoded = [
    entries,
    notable,
    numbersOf(stray),
    [...known].map(([identity, tally]) => [identity, ...numbersOf(tally)]),
  ];
  return zstdCompressSync(JSON.stringify(encoded));
}

export function decodeSummary(data: Buffer): Summary {
  const [entries, notable, stray, known] = JSON.parse(zstdDecompressSync(data).toString('utf8')) as Encoded;
  const tally = ([files = 0, programs = 0, bytes = 0]: number[]): Tally => ({ files, programs, bytes });
  return {
    entries,
    notable,
    stray: tally(stray),
    known: new Map(known.map(([identity, ...numbers]) => [identity, tally(numbers)])),
  };
}
