import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import { readDocument } from '../documents/read.ts';
import { type Gathered, SourceProblem } from './connectors/connector.ts';
import { fromText } from './connectors/open.ts';
import { DEFAULT_MAX_DROP } from './drop.ts';
import { invalidLandscape, type LandscapeError } from './errors.ts';
import { Mapping } from './mapping.ts';
import { readLandscape } from './read.ts';
import { HAND_SOURCE, type ImportedLandscape, type LandscapeService } from './service.ts';
import { formatOf, SOURCE_NAME } from './source.ts';

const MappingFile = z.strictObject({ mapping: Mapping });

export interface GivenFile {
  text: string;
  fileName: string;
  /** The text of a file with a `mapping`, and its name; null where the file needs none. */
  mapping: { text: string; fileName: string } | null;
  /** Under which name its content is kept beside that of other sources; null: `file`. */
  as: string | null;
  by: string;
  preview: boolean;
  leaveOut: boolean;
  allowDrop: boolean;
}

/** Imports a file that a person gives, whatever its format. */
export async function importGiven(
  landscape: Pick<LandscapeService, 'take' | 'hostsElsewhere'>,
  given: GivenFile,
): Promise<Result<ImportedLandscape, LandscapeError>> {
  const source = given.as ?? HAND_SOURCE;
  if (!SOURCE_NAME.test(source))
    return err({
      code: 'source-invalid',
      message: `"${source}" is no name of a source: lower-case letters, digits and "-", 63 at most`,
    });
  const known = await landscape.hostsElsewhere(source);
  const read = gather(given, host => known.has(host));
  if (!read.ok) return read;
  const { by, preview, leaveOut, allowDrop } = given;
  return landscape.take({
    source,
    priority: 0,
    ...read.value,
    by,
    preview,
    leaveOut,
    maxDrop: allowDrop ? null : DEFAULT_MAX_DROP,
  });
}

function gather(
  { text, fileName, mapping }: GivenFile,
  elsewhere: (host: string) => boolean,
): Result<Gathered, LandscapeError> {
  // With a mapping what looks like JSON is a list of rows.
  const format = mapping !== null && /\.json$/i.test(fileName) ? 'json' : formatOf({ path: fileName });
  if (format === 'landscape') {
    const read = readLandscape(text, fileName, elsewhere);
    return read.ok ? ok({ records: read.value, problems: [] }) : err(invalidLandscape(fileName, read.error));
  }
  const mapped = mapping === null ? null : readDocument(mapping.text, mapping.fileName, MappingFile);
  if (mapped && !mapped.ok) return err(invalidLandscape(mapping?.fileName ?? '', mapped.error));
  try {
    return ok(fromText(text, fileName, { format, mapping: mapped?.value.value.mapping, elsewhere }));
  } catch (error) {
    if (error instanceof SourceProblem)
      return err({ code: 'landscape-invalid', message: `${error.message}; nothing of it was imported` });
    throw error;
  }
}
