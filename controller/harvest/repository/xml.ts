import sax from 'sax';
import { HarvestProblem } from '../problem.ts';

/** What happens while a document is read: `path` are the names of the open elements, outermost first. */
export interface XmlHandler {
  open(path: readonly string[], attributes: Readonly<Record<string, string>>): void;
  /** Of the innermost element, up to {@link MAX_TEXT_BYTES} of it. */
  close(path: readonly string[], text: string): void;
}

/** Metadata of rpm repositories is four elements deep. */
const MAX_DEPTH = 16;
/** Of what is asked for: names, versions, digests. Descriptions may be longer and are cut. */
const MAX_TEXT_BYTES = 4096;
const PIECE_BYTES = 64 * 1024;

/**
 * Reads XML as a stream, strictly. A document type is refused: what metadata says stands in it, and entities of its own are
 * how small documents become large ones. Throws a HarvestProblem that names `what`.
 */
export async function readXml(source: AsyncIterable<Buffer>, what: string, handler: XmlHandler): Promise<void> {
  const parser = sax.parser(true);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const path: string[] = [];
  let text = '';
  let begun = false;
  parser.ondoctype = () => {
    throw new HarvestProblem('not-sound', `${what} has a document type of its own`);
  };
  parser.onerror = error => {
    throw new HarvestProblem('not-sound', `${what} is no sound XML: ${error.message.split('\n')[0]}`);
  };
  parser.onopentag = ({ name, attributes }) => {
    begun = true;
    path.push(name);
    text = '';
    if (path.length > MAX_DEPTH)
      throw new HarvestProblem('too-deep', `${what} is more than ${MAX_DEPTH} elements deep`);
    // Without namespaces, attributes are texts.
    handler.open(path, attributes as Record<string, string>);
  };
  parser.ontext = piece => {
    if (text.length < MAX_TEXT_BYTES) text += piece.slice(0, MAX_TEXT_BYTES - text.length);
  };
  parser.onclosetag = () => {
    handler.close(path, text.trim());
    path.pop();
    text = '';
  };
  const decoded = (bytes?: Buffer): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw new HarvestProblem('not-sound', `${what} is no UTF-8`);
    }
  };
  for await (const chunk of source)
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) parser.write(decoded(chunk.subarray(at, at + PIECE_BYTES)));
  parser.write(decoded());
  parser.close();
  if (!begun) throw new HarvestProblem('not-sound', `${what} is empty`);
}
