import { MAX_SECTIONS, makeSection, rootOf, type Section } from '@tidemark/shared/inventory/section.ts';
import { type CollectOptions, collectFacts } from './collect.ts';
import { type KeptIndex, keepSections, keptRefs, readKept, readKeptContent } from './kept.ts';
import { packageDatabaseKey, packagesAreSame, rememberPackages } from './package-database.ts';
import { serverFiles } from './server-files.ts';
import { steady } from './steady.ts';

/** What a look at the whole server has found. */
export interface Found extends KeptIndex {
  /** What could not be found out. */
  errors: string[];
}

/** Looks at the whole server and keeps what it found in sections; gives them by their digests. */
export async function lookAround(
  options: Omit<CollectOptions, 'only' | 'withoutPackages'>,
  now: number,
): Promise<Found> {
  const { stateDir } = options;
  const kept = readKept(stateDir);
  const before = (kind: string) => readKeptContent(stateDir, kept, kind);
  const key = packageDatabaseKey(serverFiles(options.root));
  // Known by their digests: a list of packages is not even read where nothing of it has changed.
  const same = packagesAreSame(stateDir, key, now) ? keptRefs(stateDir, kept, ['packages', 'updates']) : [];
  const withoutPackages = same.length === 2;
  const facts = await collectFacts({ ...options, withoutPackages });
  if (!withoutPackages && facts['packages'] !== undefined) rememberPackages(stateDir, key, now);
  const sections = sectionsOf(steady(facts, before));
  const told = sections.find(({ kind }) => kind === 'errors');
  const errors: string[] = told ? JSON.parse(told.text) : [];
  const refs = withoutPackages ? same : [];
  return { ...keepSections(stateDir, rootOf([...sections, ...refs]), sections, refs, now), errors };
}

/** Pure: what cannot be a section is named in `errors`, and the rest stands. */
export function sectionsOf(facts: Readonly<Record<string, unknown>>): Section[] {
  const sections: Section[] = [];
  const errors = Array.isArray(facts['errors']) ? facts['errors'].map(String) : [];
  for (const [kind, content] of Object.entries(facts)) {
    if (kind === 'errors' || content === null || content === undefined) continue;
    const made = makeSection(kind, content);
    if (!made.ok) errors.push(made.error);
    else if (sections.length >= MAX_SECTIONS - 1) errors.push(`${kind}: there are more than ${MAX_SECTIONS} facts`);
    else sections.push(made.value);
  }
  if (errors.length === 0) return sections;
  const told = makeSection('errors', errors.map(error => error.slice(0, MAX_ERROR)).slice(0, MAX_ERRORS));
  return told.ok ? [...sections, told.value] : sections;
}

const MAX_ERRORS = 100;
const MAX_ERROR = 512;
