import { HarvestProblem } from './problem.ts';

/** The fields of one paragraph, by their names in lower case. */
export type Paragraph = ReadonlyMap<string, string>;

const FIELD = /^([!-9;-~][!-9;-~]*):[ \t]*(.*)$/;

/** deb822(5). Continuation lines stay lines, without the blank in front. */
export function parseParagraphs(text: string): Paragraph[] {
  const paragraphs: Map<string, string>[] = [];
  let fields: Map<string, string> | null = null;
  let last: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') {
      fields = null;
    } else if (line.startsWith('#')) {
      // A comment, as in sources.
    } else if (/^[ \t]/.test(line)) {
      if (!fields || last === null) throw unsound(line);
      fields.set(last, `${fields.get(last)}\n${line.trim()}`);
    } else {
      const match = FIELD.exec(line);
      if (!match) throw unsound(line);
      if (!fields) {
        fields = new Map();
        paragraphs.push(fields);
      }
      last = (match[1] ?? '').toLowerCase();
      if (fields.has(last)) throw new HarvestProblem('duplicate', `a paragraph has the field ${last} twice`);
      fields.set(last, match[2]?.trim() ?? '');
    }
  }
  return paragraphs;
}

const unsound = (line: string) =>
  new HarvestProblem('not-sound', `the line ${JSON.stringify(line.slice(0, 80))} is no field of a control file`);
