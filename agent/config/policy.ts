import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { classOf, isStepKind, stepKinds } from '@tidemark/shared/orders/step-kinds.ts';
import { z } from 'zod';
import type { HostPolicy } from '../executor/permit.ts';
import { readYaml } from './yaml-file.ts';

/** `service/stop`, `service/*`, `*`: of the vocabulary, so that a misspelt kind is found when the agent starts. */
const KindPattern = z.string().refine(isKindPattern, {
  error: issue => `${JSON.stringify(issue.input)} is no step kind; there are ${stepKinds.join(', ')} and "area/*"`,
});

const PathGlob = z.string().startsWith('/', 'must be an absolute path or a glob over such');

/** `db01.example.com`, `*.example.com`, `10.1.2.3`, `10.1.0.0/16`, `fd00::/8`. */
const Target = z
  .string()
  .refine(isTarget, { error: issue => `${JSON.stringify(issue.input)} is no host name, address or network` });

const PolicyFile = z.strictObject({
  kinds: z.array(KindPattern).optional(),
  programs: z.array(PathGlob).optional(),
  paths: z.array(PathGlob).optional(),
  units: z.array(z.string().regex(/^[^/]+$/, 'must be a unit or a glob over units, like "app-*.service"')).optional(),
  targets: z.array(Target).optional(),
  audits: z.array(PathGlob).optional(),
  packages: z.array(z.string().regex(/^[^/]+$/, 'must be a package or a glob over packages, like "lib*"')).optional(),
});

/**
 * Where nobody wrote a policy: all that patches, nothing that runs what it is told. Programs are those that came with a
 * release, else "start this service" would be another word for "run this command", at the price of a patch.
 */
export const DEFAULT_POLICY: HostPolicy = {
  kinds: stepKinds.filter(kind => classOf(kind) !== 'command' || kind === 'cluster/handover'),
  programs: ['/opt/*/current/bin/**'],
  paths: ['/opt/*', '/opt/*/**', '/etc/*', '/etc/*/**'],
};

/**
 * The server's own word on what may be done to it. No message of the controller reaches this file, so nobody but its
 * owner may write it; where it is another's, the agent does not start.
 */
export function loadPolicy(file: string, agentUser: number | undefined): Result<HostPolicy, string> {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return ok(DEFAULT_POLICY);
  if ((found.mode & 0o022) !== 0) return err(`${file} may be written by group or others; run: chmod go-w ${file}`);
  if (found.uid !== 0 && found.uid !== agentUser)
    return err(`${file} belongs to user ${found.uid}; it must belong to root or to the agent's own user`);
  const read = readYaml(file);
  if (!read.ok) return read;
  const parsed = PolicyFile.safeParse(read.value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join('.');
    return err(
      `${file}: ${where ? `${where}: ` : ''}${issue?.message}; known are ${Object.keys(PolicyFile.shape).join(', ')}`,
    );
  }
  const { kinds, programs, paths, units, packages, targets, audits } = parsed.data;
  return ok({
    kinds: kinds ?? DEFAULT_POLICY.kinds,
    programs: programs ?? DEFAULT_POLICY.programs,
    paths: paths ?? DEFAULT_POLICY.paths,
    ...(units ? { units } : {}),
    ...(packages ? { packages } : {}),
    ...(targets ? { targets } : {}),
    ...(audits ? { audits } : {}),
  });
}

function isKindPattern(pattern: string): boolean {
  if (pattern === '*' || isStepKind(pattern)) return true;
  return pattern.endsWith('/*') && stepKinds.some(kind => kind.startsWith(pattern.slice(0, -1)));
}

function isTarget(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  if (bits === undefined) return isIP(text) !== 0 || /^[A-Za-z0-9*]([A-Za-z0-9.*-]{0,252})$/.test(text);
  const most = isIP(address) === 6 ? 128 : 32;
  return more === undefined && isIP(address) !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most;
}
