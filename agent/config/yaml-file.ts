import { readFileSync, statSync } from 'node:fs';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { LineCounter, parseDocument, visit } from 'yaml';

/** A page or two are written by hand; what is larger is not such a file. */
const MAX_BYTES = 256 * 1024;

/** A YAML file as plain data; the error has file, line and column. Aliases and tags have no place in it. */
export function readYaml(file: string): Result<unknown, string> {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES) return err(`${file} has ${size} bytes; at most ${MAX_BYTES} are read`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return err(`${file} cannot be read: ${(error as Error).message}`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'core', merge: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) return err(`${at(problem.pos[0])}: ${problem.message}`);
  let alias: number | null = null;
  visit(document, {
    Alias(_key, node) {
      alias = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  if (alias !== null) return err(`${at(alias)}: aliases are not read; write it out`);
  return ok(document.toJS() as unknown);
}
