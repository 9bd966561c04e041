import { ok, type Result } from '@tidemark/shared/base/result.ts';
import { z } from 'zod';
import type { DocumentError } from '../documents/errors.ts';
import { readDocument } from '../documents/read.ts';

/** What may be set, all of it optional: one source says one part. */
export const Fragment = z.strictObject({
  /** Name of the fleet; in every certificate, order and approval. Cannot change later. */
  fleet: z.string().optional(),
  stateDir: z.string().optional(),
  /** The site's PostgreSQL; without one a private server is started. */
  databaseUrl: z.string().optional(),
  /** address:port of the API, of the agents' link, and of enrolment. */
  apiListen: z.string().optional(),
  linkListen: z.string().optional(),
  enrolListen: z.string().optional(),
  /** Names and addresses by which people and agents reach this controller; they go into its certificates. */
  publicNames: z.array(z.string()).optional(),
  /** How often the orchestrator looks whether there is something to do, in milliseconds. */
  tickMs: z.int().optional(),
  /** After so long without a word a host that should speak counts as failed, in milliseconds. */
  silenceMs: z.int().optional(),
  /** Networks (CIDR) to which gates may go although they are closed to them by default: where Prometheus is on this machine. */
  gateNetworks: z.array(z.string()).optional(),
  /** The same for repositories of packages that are imported by their address. */
  repositoryNetworks: z.array(z.string()).optional(),
  /** The same for what the landscape is read from. */
  landscapeNetworks: z.array(z.string()).optional(),
  /** Directories that files of landscapes may lie in, beside `landscape` in the state directory. */
  landscapeDirectories: z.array(z.string()).optional(),
  /** Programs that print a landscape (Ansible's `--list`), by their whole path. None is run that is not named here. */
  landscapePrograms: z.array(z.string()).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).optional(),
});
export type Fragment = z.infer<typeof Fragment>;

/** Reads the settings file; unknown keys are errors that name the nearest known one. */
export function fragmentOfFile(text: string, fileName: string): Result<Fragment, DocumentError[]> {
  // A file in which everything is commented out says nothing, and that is allowed.
  if (text.split('\n').every(line => /^\s*(#.*)?$/.test(line))) return ok({});
  const read = readDocument(text, fileName, Fragment);
  return read.ok ? ok(read.value.value) : read;
}

/** DATABASE_URL is read since every tool knows it; all else by its own name. */
export function fragmentOfEnvironment(environment: Readonly<Record<string, string | undefined>>): Fragment {
  const { DATABASE_URL, TIDEMARK_FLEET, TIDEMARK_STATE, TIDEMARK_LOG_LEVEL } = environment;
  const level = Fragment.shape.logLevel.safeParse(TIDEMARK_LOG_LEVEL);
  return {
    ...(DATABASE_URL && { databaseUrl: DATABASE_URL }),
    ...(TIDEMARK_FLEET && { fleet: TIDEMARK_FLEET }),
    ...(TIDEMARK_STATE && { stateDir: TIDEMARK_STATE }),
    ...(level.success && level.data && { logLevel: level.data }),
  };
}

/** The inputs: a later fragment says more than an earlier one. */
export const mergeFragments = (...fragments: readonly Fragment[]): Fragment => Object.assign({}, ...fragments);
