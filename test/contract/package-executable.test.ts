import { spawnSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rawPublicKey, verifyEd25519 } from '@tidemark/shared/signing/ed25519.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksums, signedChecksums } from '../../installers/package/checksums.ts';
import { withBlob } from '../../installers/package/elf.ts';
import { agentBlob, agentExecutable } from '../../installers/package/executable.ts';
import { readLock } from '../../installers/package/lock.ts';
import { PLATFORMS } from '../../installers/package/platforms.ts';

/* The agent as one file, built for the machine that this runs on. */

const root = join(import.meta.dirname, '../..');
const release = { version: '7.8.9', commit: '0123456789ab', timeS: 1_700_000_000 };
const platform = PLATFORMS.find(({ name }) => name === `${process.platform}-${process.arch}`);

let directory: string;
let executable: string;
let bytes: Buffer;

const build = async (from: string): Promise<Buffer> => {
  if (!platform) throw new Error(`there is no executable for ${process.platform} ${process.arch}`);
  return agentExecutable(root, readLock(root), platform, (await agentBlob(from, release)).blob);
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-executable-'));
  executable = join(directory, 'tidemark-agent');
  bytes = await build(root);
  writeFileSync(executable, bytes, { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(executable, args, { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', ...env } });
}

describe('the executable of the agent', () => {
  it('says version, commit and protocol', () => {
    expect(run(['--version']).stdout).toBe('7.8.9 (commit 0123456789ab, link protocol 1 to 1)\n');
  });

  it('has the same bytes from another directory', async () => {
    const other = join(directory, 'another-place');
    mkdirSync(other);
    for (const name of ['agent', 'shared', 'package.json', 'tsconfig.json', 'node_modules'])
      if (spawnSync('cp', ['-al', join(root, name), other]).status !== 0)
        cpSync(join(root, name), join(other, name), { recursive: true, verbatimSymlinks: true });
    const again = await build(other);
    expect(createHash('sha256').update(again).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('is not changed by what the environment says', () => {
    const mark = join(directory, 'mark');
    const intruder = join(directory, 'intruder.cjs');
    writeFileSync(intruder, `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '')`);
    const coverage = join(directory, 'coverage');
    const ended = run(['--version'], {
      NODE_OPTIONS: `--require ${intruder}`,
      NODE_V8_COVERAGE: coverage,
      NODE_REDIRECT_WARNINGS: join(directory, 'warnings'),
      NODE_DEBUG: 'module,net',
      NODE_EXTRA_CA_CERTS: '/none',
    });
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/^7\.8\.9 /) });
    // Node says here that there is no coverage to be written.
    expect(ended.stderr).not.toMatch(/MODULE|NET \d|Warning|intruder/);
    expect(existsSync(mark)).toBe(false);
    expect(existsSync(coverage) ? readdirSync(coverage) : []).toEqual([]);
  });

  it('does a step in a process of its own, in which nothing of that environment is left', () => {
    const step = join(directory, 'state/steps/one');
    mkdirSync(step, { recursive: true });
    const args = { command: ['/usr/bin/env'], expectStatus: [0] };
    const work = { work: 'call', call: { kind: 'command/run', args } };
    const places = { root: '/', stateDir: join(directory, 'state'), factsDir: '/none' };
    writeFileSync(join(step, 'call.json'), JSON.stringify({ ...work, ...places, timeoutMs: 30_000, graceMs: 1_000 }));
    const ended = spawnSync('setsid', ['--wait', executable, 'step', step], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', UV_THREADPOOL_SIZE: '1', OPENSSL_CONF: '/none' },
    });
    expect(ended.stderr).toBe('');
    const result = JSON.parse(readFileSync(join(step, 'result.json'), 'utf8'));
    expect(result).toMatchObject({ outcome: 'succeeded', timedOut: false });
    const output = Buffer.from(result.output?.head ?? '', 'base64').toString();
    expect(output).not.toMatch(/UV_|OPENSSL/);
  });

  it('scans', () => {
    writeFileSync(join(directory, 'state/file'), 'abc');
    const [line = ''] = run(['scan', '-o', 'jsonl', join(directory, 'state')])
      .stdout.split('\n')
      .filter(each => each.includes('/file'));
    expect(JSON.parse(line)).toMatchObject({ size: 3, sha256: createHash('sha256').update('abc').digest('hex') });
  });

  it('can be made of no other program, and of no executable again', () => {
    expect(() => withBlob(Buffer.from('MZ and so on, long enough for a header'), Buffer.from('x'))).toThrow(/ELF/);
    expect(() => withBlob(bytes, Buffer.from('x'))).toThrow(/has no fuse, or a blob already/);
  });
});

describe('checksums of a release', () => {
  const files = [
    { name: 'b', bytes: Buffer.from('bb') },
    { name: 'a', bytes: Buffer.from('a') },
  ];

  it('are those of sha256sum', () => {
    for (const file of files) writeFileSync(join(directory, file.name), file.bytes);
    const { stdout } = spawnSync('sha256sum', ['a', 'b'], { cwd: directory, encoding: 'utf8' });
    expect(checksums(files)).toBe(stdout);
  });

  it('are signed so that OpenSSL verifies them, and nothing that was changed', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const [list, signature] = signedChecksums(files, privateKey);
    if (!list || !signature) throw new Error('there is no signature');
    expect(verifyEd25519(rawPublicKey(privateKey), list.bytes, signature.bytes)).toBe(true);
    const pem = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' });
    expect(verify(null, list.bytes, pem, signature.bytes)).toBe(true);
    expect(verify(null, Buffer.from(`${list.bytes}x`), pem, signature.bytes)).toBe(false);
  });
});
