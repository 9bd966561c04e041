import { z } from 'zod';
import type { Row } from '../rows.ts';
import { type Section, sections } from '../schema.ts';
import type { LandscapeSource } from '../source.ts';
import { SourceProblem } from './connector.ts';
import { type JsonAnswer, shown } from './http-json.ts';
import { jsonataMapping } from './jsonata.ts';

type Settings = Extract<LandscapeSource['connector'], { kind: 'http' }>;

/** More pages than this is a list without an end. */
const MAX_PAGES = 10_000;
const one = z.union([z.array(z.unknown()), z.looseObject({})]);
const Mapped = z.strictObject(
  Object.fromEntries(Object.keys(sections).map(section => [section, one.optional()])) as Record<
    Section,
    z.ZodOptional<typeof one>
  >,
);

/** Any JSON over HTTP, made into sections of a landscape by a JSONata expression. */
export async function readHttp(settings: Settings, get: (url: URL) => Promise<JsonAnswer>): Promise<Row[]> {
  const map = compiled('jsonata', settings.jsonata);
  const next = settings.next === undefined ? null : compiled('next', settings.next);
  const rows: Row[] = [];
  const visited = new Set<string>();
  let url: URL | null = new URL(settings.url);
  for (let page = 1; url !== null; page++) {
    const at: URL = url;
    if (visited.has(at.href) || page > MAX_PAGES)
      throw new SourceProblem(
        'source-answer',
        `${shown(at)}: its pages lead back to one that was read before, or never end`,
      );
    visited.add(at.href);
    const { body } = await get(at);
    rows.push(...rowsOf(await evaluated(map, body, 'jsonata', at), at, page));
    url = next === null ? null : nextOf(await evaluated(next, body, 'next', at), at);
  }
  return rows;
}

function compiled(what: string, text: string): (input: unknown) => Promise<unknown> {
  try {
    return jsonataMapping(text);
  } catch (error) {
    throw new SourceProblem('source-answer', `${what} of the source is no JSONata: ${(error as Error).message}`);
  }
}

async function evaluated(
  map: (input: unknown) => Promise<unknown>,
  body: unknown,
  what: string,
  url: URL,
): Promise<unknown> {
  try {
    return await map(body);
  } catch (error) {
    throw new SourceProblem(
      'source-answer',
      `${shown(url)}: ${what} fails on this answer: ${(error as Error).message}`,
    );
  }
}

function rowsOf(mapped: unknown, url: URL, page: number): Row[] {
  const parsed = Mapped.safeParse(mapped ?? {});
  if (!parsed.success)
    throw new SourceProblem(
      'source-answer',
      `${shown(url)}: the mapping must give {${Object.keys(sections).join(', ')}}, each a list: ${parsed.error.issues[0]?.message}`,
    );
  return Object.entries(parsed.data).flatMap(([section, items]) =>
    // JSONata makes one of a list with one item.
    [items ?? []].flat().map((value, index) => ({
      section: section as Section,
      value: plain(value),
      origin: `${shown(url)} page ${page}, ${section} ${index + 1}`,
    })),
  );
}

/** Lists of JSONata carry marks of its own. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

function nextOf(next: unknown, from: URL): URL | null {
  if (next === undefined || next === null || next === '') return null;
  if (typeof next !== 'string' || !URL.canParse(next, from.href))
    throw new SourceProblem(
      'source-answer',
      `${shown(from)}: next gives ${JSON.stringify(next).slice(0, 100)}, which is no address`,
    );
  const url = new URL(next, from);
  if (url.origin !== from.origin)
    throw new SourceProblem(
      'source-answer',
      `${shown(from)}: the next page is at ${url.origin}, another server, which is not followed`,
    );
  return url;
}
