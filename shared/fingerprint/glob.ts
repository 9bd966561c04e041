import { Buffer } from 'node:buffer';

/**
 * Decides over absolute paths, byte for byte. `?` is any character but `/`, `*` any number of them, `**` any number
 * of characters with slashes too, and `**` between two slashes also nothing at all. All else stands for itself.
 */
export type Glob = (path: Buffer) => boolean;

type Token = { type: 'byte'; value: number } | { type: 'one' } | { type: 'star' } | { type: 'deep' };

const SLASH = 0x2f;

export function compileGlob(pattern: string): Glob {
  // `/**/` may be a single slash: both readings are tried, so that every other rule stays a plain token.
  const variants = variantsOf(pattern).map(tokensOf);
  return path => variants.some(tokens => matches(tokens, path));
}

/**
 * The same over a path as latin1 text, one character a byte, for walks of whole servers: nearly every path is decided
 * by how the pattern begins and ends.
 */
export function compileTextGlob(pattern: string): (path: string) => boolean {
  const literal = Buffer.from(pattern).toString('latin1');
  const wild = literal.search(/[*?]/);
  if (wild < 0) return path => path === literal;
  const head = literal.slice(0, wild);
  const tail = literal.slice(Math.max(literal.lastIndexOf('*'), literal.lastIndexOf('?')) + 1);
  const glob = compileGlob(pattern);
  return path => path.startsWith(head) && path.endsWith(tail) && glob(Buffer.from(path, 'latin1'));
}

// More of them in one pattern are read as they stand, so that the variants stay few.
const MAX_COLLAPSES = 4;

function variantsOf(pattern: string): string[] {
  const parts = pattern.split('/**/');
  if (parts.length - 1 > MAX_COLLAPSES) return [pattern];
  return parts
    .slice(1)
    .reduce<string[]>(
      (heads, part) => heads.flatMap(head => [`${head}/**/${part}`, `${head}/${part}`]),
      [parts[0] ?? ''],
    );
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  const bytes = Buffer.from(pattern);
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const character = String.fromCharCode(byte);
    if (character === '?') tokens.push({ type: 'one' });
    else if (character !== '*') tokens.push({ type: 'byte', value: byte });
    else if (bytes[at + 1] === byte) {
      tokens.push({ type: 'deep' });
      while (bytes[at + 1] === byte) at++;
    } else tokens.push({ type: 'star' });
  }
  return tokens;
}

/** The states of a small automaton, one a token: time is at most path length times tokens, whatever the pattern. */
function matches(tokens: readonly Token[], path: Buffer): boolean {
  let states = new Set<number>();
  enter(tokens, states, 0);
  for (let at = 0; at < path.length && states.size > 0; at++) {
    const byte = path[at] ?? 0;
    const next = new Set<number>();
    for (const state of states) {
      const token = tokens[state];
      if (!token) continue;
      if (token.type === 'byte' && token.value === byte) enter(tokens, next, state + 1);
      else if (token.type === 'deep' || (token.type === 'star' && byte !== SLASH)) enter(tokens, next, state);
      else if (token.type === 'one' && byte !== SLASH) enter(tokens, next, isContinued(path, at) ? state : state + 1);
    }
    states = next;
  }
  return states.has(tokens.length);
}

/** A character of several UTF-8 bytes is one `?`: it ends with its last continuation byte. */
const isContinued = (path: Buffer, at: number): boolean => ((path[at + 1] ?? 0) & 0xc0) === 0x80;

function enter(tokens: readonly Token[], states: Set<number>, state: number): void {
  states.add(state);
  const token = tokens[state];
  if (token?.type === 'star' || token?.type === 'deep') enter(tokens, states, state + 1);
}
