import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
} from 'yaml';
import type { z } from 'zod';
import { byPosition, type DocumentError, type Position } from './errors.ts';
import { complaints } from './issues.ts';

/** Far above what a landscape of 10,000 hosts takes, far below what exhausts a parser. */
export const MAX_DOCUMENT_BYTES = 10_000_000;
/** No file for people nests like this; parsers recurse, and a stack ends. */
const MAX_DEPTH = 64;
/** A file with more errors than this is another kind of file: the first ones tell it. */
const MAX_ERRORS = 50;

export type DocumentPath = readonly PropertyKey[];

/** A document that fits its schema, and where in the file its parts are. */
export interface ReadDocument<T> {
  value: T;
  file: string;
  /** Of the value at `path`, or of the innermost part around it that is in the file. */
  positionOf(path: DocumentPath): Position;
  /** Of the key at the end of `path`. */
  positionOfKey(path: DocumentPath): Position;
  /** Of the character `offset` inside the text at `path`; of its beginning where the file writes it over many lines. */
  positionIn(path: DocumentPath, offset: number): Position;
}

/**
 * Reads YAML 1.2 (core schema) or JSON, strictly: no aliases, anchors, merge keys, tags, duplicate keys or second
 * document, since each of these lets a file say something else than what a reader sees. All errors at once, by position.
 */
export function readDocument<S extends z.ZodType>(
  text: string,
  fileName: string,
  schema: S,
): Result<ReadDocument<z.output<S>>, DocumentError[]> {
  const refuse = (message: string, position: Position = { line: 1, column: 1 }) =>
    err([{ message, file: fileName, ...position }]);
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES)
    return refuse(
      `the file is larger than ${MAX_DOCUMENT_BYTES / 1_000_000} MB: split it, or check that it is the right one`,
    );
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const deep = tooDeep(source);
  if (deep !== null) return refuse(`nested more than ${MAX_DEPTH} levels deep`, deep);

  const lines = new LineCounter();
  const parsedText = parse(source, lines);
  if (!parsedText.ok) return refuse(parsedText.error);
  const document = parsedText.value;
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const found = [...syntaxErrors(document), ...forbiddenParts(document)].map(({ message, offset }) => ({
    message,
    file: fileName,
    ...at(offset),
  }));
  if (found.length > 0) return err(tidy(found));
  if (document.contents === null) return refuse('the file is empty');

  const places = { document, source, at };
  const parsed = schema.safeParse(document.toJS());
  if (!parsed.success) {
    return err(
      tidy(
        complaints(schema, parsed.error.issues).map(({ path, atKey, message }) => ({
          message,
          file: fileName,
          ...(atKey ? keyPosition(places, path) : valuePosition(places, path)),
        })),
      ),
    );
  }
  return ok({
    value: parsed.data,
    file: fileName,
    positionOf: path => valuePosition(places, path),
    positionOfKey: path => keyPosition(places, path),
    positionIn: (path, offset) => insidePosition(places, path, offset),
  });
}

/** Reads a part whose schema depends on what stands beside it, such as the arguments of a step. */
export function readPart<S extends z.ZodType>(
  document: ReadDocument<unknown>,
  path: DocumentPath,
  schema: S,
  value: unknown,
): Result<z.output<S>, DocumentError[]> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  return err(
    complaints(schema, parsed.error.issues, path).map(complaint => ({
      message: complaint.message,
      file: document.file,
      ...(complaint.atKey ? document.positionOfKey(complaint.path) : document.positionOf(complaint.path)),
    })),
  );
}

function parse(source: string, lineCounter: LineCounter): Result<Document, string> {
  try {
    return ok(
      parseDocument(source, {
        version: '1.2',
        schema: 'core',
        merge: false,
        strict: true,
        uniqueKeys: true,
        stringKeys: true,
        prettyErrors: false,
        lineCounter,
      }),
    );
  } catch (error) {
    // The parser recurses: what nests by indentation alone can still exhaust the stack.
    if (error instanceof RangeError) return err('the file nests too deep to be read');
    throw error;
  }
}

interface Places {
  document: Document;
  source: string;
  at(offset: number): Position;
}

function nodeAt(document: Document, path: DocumentPath): Node | null {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? node : null;
}

function valuePosition(places: Places, path: DocumentPath): Position {
  for (let length = path.length; length >= 0; length--) {
    const range = nodeAt(places.document, path.slice(0, length))?.range;
    if (range) return places.at(range[0]);
  }
  return { line: 1, column: 1 };
}

function keyPosition(places: Places, path: DocumentPath): Position {
  const parent = nodeAt(places.document, path.slice(0, -1));
  const key = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find(item => isScalar(item.key) && item.key.value === key);
    const range = isScalar(pair?.key) ? pair.key.range : null;
    if (range) return places.at(range[0]);
  }
  return valuePosition(places, path);
}

function insidePosition(places: Places, path: DocumentPath, offset: number): Position {
  const node = nodeAt(places.document, path);
  if (!isScalar(node) || !node.range || typeof node.value !== 'string') return valuePosition(places, path);
  const quoted = node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE';
  const start = node.range[0] + (quoted ? 1 : 0);
  // Only where the file holds the text as it is: escapes, folding and block scalars move characters about.
  const asWritten = places.source.startsWith(node.value, start);
  return places.at(asWritten ? start + Math.min(Math.max(offset, 0), node.value.length) : node.range[0]);
}

/** Errors that leave the rest of the file readable. After any other one, what the parser says is noise. */
const LOCAL_ERRORS: ReadonlySet<string> = new Set(['DUPLICATE_KEY', 'NON_STRING_KEY', 'MULTIPLE_DOCS']);

function syntaxErrors(document: Document): { message: string; offset: number }[] {
  const all = [...document.errors, ...document.warnings]
    // A tag is found among the forbidden parts too, also where the parser knows it.
    .filter(error => error.code !== 'TAG_RESOLVE_FAILED')
    .sort((a, b) => a.pos[0] - b.pos[0]);
  const fatal = all.findIndex(error => !LOCAL_ERRORS.has(error.code));
  const told = fatal < 0 ? all : all.slice(0, fatal + 1);
  return told.map(error => ({ message: syntaxMessage(error), offset: error.pos[0] }));
}

function syntaxMessage(error: YAMLError): string {
  // The parser notes that it exhausted the stack as if it were the file's syntax.
  if (error.message.includes('call stack')) return 'the file nests too deep to be read';
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return 'this key is there twice: only one of them could count';
    case 'MULTIPLE_DOCS':
      return 'the file holds more than one document';
    case 'NON_STRING_KEY':
      return 'keys must be texts: put this one into quotes';
    case 'TAB_AS_INDENT':
      return 'a tab indents this line: use spaces';
    default:
      return `this is no valid YAML: ${error.message}`;
  }
}

function forbiddenParts(document: Document): { message: string; offset: number }[] {
  const found: { message: string; offset: number }[] = [];
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2')
    found.push({ message: 'the file says that it is YAML 1.1: only 1.2 is read here', offset: 0 });
  visit(document, (key, node) => {
    if (isPair(node) || !isNode(node)) return;
    const offset = node.range?.[0] ?? 0;
    if (isAlias(node)) found.push({ message: 'aliases ("*name") are not allowed: write the value again', offset });
    else if (node.anchor !== undefined) found.push({ message: 'anchors ("&name") are not allowed', offset });
    else if (node.tag !== undefined)
      found.push({ message: 'tags ("!...") are not allowed: put a text that begins with "!" into quotes', offset });
    if (isScalar(node)) found.push(...forbiddenScalar(node, key === 'key', offset));
  });
  return found;
}

function forbiddenScalar(node: Scalar, isKey: boolean, offset: number): { message: string; offset: number }[] {
  if (isKey && node.value === '__proto__') return [{ message: 'no key can be called "__proto__"', offset }];
  if (isKey && node.value === '<<')
    return [{ message: 'merge keys ("<<") are not allowed: write the keys out', offset }];
  if (typeof node.value !== 'string') {
    const finite = typeof node.value !== 'number' || Number.isFinite(node.value);
    return finite ? [] : [{ message: 'infinite and not-a-number are no values here', offset }];
  }
  // Neither has a place in UTF-8 text or in the database; both are signs of a broken export.
  if (node.value.includes('\0')) return [{ message: 'the text holds a NUL character', offset }];
  return node.value.isWellFormed() ? [] : [{ message: 'the text holds half of a surrogate pair', offset }];
}

/**
 * Where brackets or indentation nest too deep for a recursive parser, or null. A cheap look that may count brackets
 * inside texts: no text of ours holds that many unclosed ones.
 */
function tooDeep(source: string): Position | null {
  let open = 0;
  let line = 1;
  let lineStart = 0;
  let markers = 0;
  for (let index = 0; index < source.length; index++) {
    const char = source.charCodeAt(index);
    if (char === NEWLINE) {
      line++;
      lineStart = index + 1;
      markers = 0;
    } else if (char === OPEN_BRACKET || char === OPEN_BRACE) open++;
    else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) open = Math.max(0, open - 1);
    else if ((char === DASH || char === QUESTION_MARK) && source.charCodeAt(index + 1) === SPACE) markers++;
    const indent = char === SPACE || char === NEWLINE ? 0 : indentOf(index, lineStart, markers);
    if (open > MAX_DEPTH || indent > MAX_DEPTH) return { line, column: index - lineStart + 1 };
  }
  return null;
}

/** `- - - -` on one line opens a list each. */
const indentOf = (index: number, lineStart: number, markers: number): number =>
  index - lineStart <= markers * 2 ? markers : 0;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const DASH = 0x2d;
const QUESTION_MARK = 0x3f;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function tidy(errors: DocumentError[]): DocumentError[] {
  const seen = new Set<string>();
  const distinct = errors.sort(byPosition).filter(({ message, line, column }) => {
    const key = `${line}:${column}:${message}`;
    return !seen.has(key) && seen.add(key);
  });
  if (distinct.length <= MAX_ERRORS) return distinct;
  const rest = distinct.length - MAX_ERRORS;
  return [
    ...distinct.slice(0, MAX_ERRORS),
    { ...(distinct[MAX_ERRORS] as DocumentError), message: `and ${rest} more` },
  ];
}
