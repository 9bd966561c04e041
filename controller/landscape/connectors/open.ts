import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { formatDocumentError } from '../../documents/errors.ts';
import { readCsv } from '../csv.ts';
import { mapRows } from '../mapping.ts';
import { readLandscape } from '../read.ts';
import { type Row, recordsOfRows } from '../rows.ts';
import { formatOf, type LandscapeSource, type Secret } from '../source.ts';
import { MAX_TEXT_BYTES, textOf } from '../text.ts';
import { parseAnsibleFile, parseAnsibleList, rowsOfInventory } from './ansible.ts';
import { type Connector, type ConnectorError, type Gathered, SourceProblem } from './connector.ts';
import { readHttp } from './http.ts';
import { httpJson } from './http-json.ts';
import { readNetBox } from './netbox.ts';
import { outputOf } from './script.ts';
import { readServiceNow } from './servicenow.ts';

/** What the controller's own settings let sources have. Nothing of it comes over the API. */
export interface SourceLimits {
  mayReach: (address: string) => boolean;
  /** Directories that files may lie in. */
  directories: readonly string[];
  /** Programs that may be run, by their whole path. */
  programs: readonly string[];
  /** Where secrets lie, a file each. */
  secretDirectory: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** For tests of waiting. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The connector of a source. `elsewhere`: hosts that other sources have. */
export function openConnector(
  source: LandscapeSource,
  limits: SourceLimits,
  elsewhere: (host: string) => boolean,
): Connector {
  return {
    async read(signal): Promise<Result<Gathered, ConnectorError>> {
      try {
        if (signal.aborted)
          throw new SourceProblem('source-late', `${source.name} was not read: there was no time left`);
        return ok(await gather(source, limits, elsewhere, signal));
      } catch (error) {
        if (error instanceof SourceProblem) return err({ code: error.code, message: error.message });
        throw error;
      }
    },
  };
}

async function gather(
  source: LandscapeSource,
  limits: SourceLimits,
  elsewhere: (host: string) => boolean,
  signal: AbortSignal,
): Promise<Gathered> {
  const { connector, mapping } = source;
  switch (connector.kind) {
    case 'file':
      return fromText(await readAllowed(connector.path, limits), connector.path, {
        format: formatOf(connector),
        mapping,
        elsewhere,
      });
    case 'ansible': {
      const [program = ''] = connector.argv;
      if (!limits.programs.includes(program))
        throw new SourceProblem(
          'source-denied',
          `${program} is not among the programs that the controller may run: its setting landscapePrograms names them by their whole path`,
        );
      const parsed = parseAnsibleList(await outputOf([...connector.argv, '--list'], signal));
      if (!parsed.ok) throw new SourceProblem('source-answer', `what ${program} prints ${parsed.error}`);
      return recordsOfRows(rowsOfInventory(parsed.value, program, mapping));
    }
    default: {
      const get = httpJson({
        mayReach: limits.mayReach,
        authorization: await authorizationOf(connector, limits),
        ca: connector.ca === undefined ? null : await secretFile(connector.ca, limits),
        signal,
        sleep: limits.sleep ?? ((ms, until) => delay(ms, undefined, { signal: until })),
        now: Date.now,
      });
      return recordsOfRows(await rowsOverHttp(connector, mapping, get));
    }
  }
}

function rowsOverHttp(
  connector: Extract<LandscapeSource['connector'], { url: string }>,
  mapping: LandscapeSource['mapping'],
  get: ReturnType<typeof httpJson>,
): Promise<Row[]> {
  switch (connector.kind) {
    case 'netbox':
      return readNetBox(connector, mapping, get);
    case 'servicenow':
      return readServiceNow(connector, get);
    case 'http':
      return readHttp(connector, get);
  }
}

export interface TextOptions {
  format: ReturnType<typeof formatOf>;
  mapping: LandscapeSource['mapping'];
  elsewhere: (host: string) => boolean;
}

/** What a file says, by its format; as a {@link SourceProblem} where it cannot be read at all. */
export function fromText(text: string, name: string, { format, mapping, elsewhere }: TextOptions): Gathered {
  const refuse = (why: string) => new SourceProblem('source-answer', `${name} ${why}`);
  if (format === 'landscape') {
    const read = readLandscape(text, name, elsewhere);
    if (!read.ok) throw new SourceProblem('source-answer', read.error.map(formatDocumentError).join('\n'));
    return { records: read.value, problems: [] };
  }
  if (format === 'ansible') {
    const parsed = parseAnsibleFile(text, name);
    if (!parsed.ok) throw refuse(`is no inventory: ${parsed.error}`);
    return recordsOfRows(rowsOfInventory(parsed.value, name, mapping));
  }
  if (mapping === undefined) throw refuse('needs a mapping: it says which column is which field');
  if (format === 'csv') {
    const read = readCsv(text);
    if (!read.ok) throw refuse(read.error);
    return recordsOfRows(
      mapRows(
        mapping,
        read.value.map(({ row, line }) => ({ row, origin: `${name}:${line}` })),
      ),
    );
  }
  return recordsOfRows(
    mapRows(
      mapping,
      jsonRows(text, refuse).map((row, index) => ({ row, origin: `${name}, entry ${index + 1}` })),
    ),
  );
}

function jsonRows(text: string, refuse: (why: string) => SourceProblem): Record<string, unknown>[] {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw refuse(`is no JSON: ${(error as Error).message}`);
  }
  const isRow = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!Array.isArray(json) || !json.every(isRow))
    throw refuse('must be a list of objects, of which each becomes a record');
  return json;
}

async function readAllowed(path: string, { directories }: SourceLimits): Promise<string> {
  const real = await realpath(path).catch(error => {
    throw new SourceProblem('source-not-there', `${path} cannot be read: ${(error as Error).message}`);
  });
  const allowed = await Promise.all(directories.map(directory => realpath(directory).catch(() => null)));
  if (
    !allowed.some(
      directory => directory !== null && real.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`),
    )
  )
    throw new SourceProblem(
      'source-denied',
      `${path} is not in a directory that the controller reads landscapes from: ${directories.join(', ')}. Its setting landscapeDirectories names them`,
    );
  const { size } = await stat(real);
  if (size > MAX_TEXT_BYTES)
    throw new SourceProblem(
      'source-too-large',
      `${path} has ${size} bytes; the most that is read is ${MAX_TEXT_BYTES}`,
    );
  const text = textOf(await readFile(real));
  if (!text.ok) throw new SourceProblem('source-answer', `${path} ${text.error}`);
  return text.value;
}

async function authorizationOf(
  connector: Extract<LandscapeSource['connector'], { url: string }>,
  limits: SourceLimits,
): Promise<string | null> {
  if (connector.kind === 'netbox') {
    const token = await secretOf(connector.token, limits);
    // Tokens of version 2 (NetBox 4.5) say by their beginning what they are.
    return token.startsWith('nbt_') ? `Bearer ${token}` : `Token ${token}`;
  }
  if (connector.token !== undefined) return `Bearer ${await secretOf(connector.token, limits)}`;
  if (connector.basic === undefined) return null;
  const { user, password } = connector.basic;
  return `Basic ${Buffer.from(`${user}:${await secretOf(password, limits)}`, 'utf8').toString('base64')}`;
}

async function secretOf(secret: Secret, limits: SourceLimits): Promise<string> {
  const found =
    'env' in secret ? limits.environment[secret.env] : (await secretFile(secret.file, limits)).replace(/\r?\n$/, '');
  if (found !== undefined && found !== '' && !/[\r\n]/.test(found)) return found;
  const where = 'env' in secret ? `the variable ${secret.env} of the controller` : `the secret ${secret.file}`;
  throw new SourceProblem('source-denied', `${where} is not there, or is not exactly one line`);
}

async function secretFile(name: string, { secretDirectory }: SourceLimits): Promise<string> {
  return readFile(join(secretDirectory, name), 'utf8').catch(() => {
    throw new SourceProblem(
      'source-denied',
      `the secret ${name} is not in ${secretDirectory}, or the controller may not read it`,
    );
  });
}
