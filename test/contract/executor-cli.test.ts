import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEnvelope, PayloadType, signEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { encodeTrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { programOf } from '../support/built-programs.ts';
import { TestServer, until } from './executor-support.ts';

/* `tidemark-agent` as a person calls it. */

let base: string;
let config: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tidemark-agent-'));
  config = join(base, 'agent.yaml');
  mkdirSync(join(base, 'root'));
  writeFileSync(config, 'stateDir: state\nroot: root\npolicy: policy.yaml\ntrustRoot: trust-root.json\n');
  const key = generateKeyPairSync('ed25519');
  const root = encodeTrustRoot({
    format: 'tidemark/trust-root/v1',
    fleet: 'test',
    version: 1,
    approvers: [{ name: 'a', publicKey: rawPublicKey(key.publicKey).toString('base64'), classes: ['patch'] }],
    thresholds: { observe: 0, patch: 1, command: 1 },
  });
  const envelope = signEnvelope(PayloadType.trustRoot, root, [key.privateKey]);
  writeFileSync(join(base, 'trust-root.json'), encodeEnvelope(envelope), { mode: 0o600 });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function agent(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [programOf('agent'), ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('tidemark-agent', () => {
  it('says its version', () => {
    expect(agent('--version')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+ \(commit unknown, link protocol \d+ to \d+\)\n$/),
    });
  });

  it('lists a directory, one object a file', () => {
    writeFileSync(join(base, 'root/file'), 'x', { mode: 0o640 });
    const { status, stdout } = agent('scan', join(base, 'root'), '-o', 'jsonl');
    expect(status).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as unknown),
    ).toEqual([
      {
        path: join(base, 'root/file'),
        kind: 'file',
        sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
        size: 1,
        mode: '0640',
      },
    ]);
  });

  it.each([
    ['no such command', ['fly'], 2, /unknown command/],
    ['no such option', ['run', '--fast'], 2, /unknown option/],
    ['no such directory', ['scan', '/no/such'], 1, /\/no\/such cannot be scanned/],
    ['no such config', ['run', '--config', '/no/such.yaml'], 1, /no config file \/no\/such\.yaml/],
  ])('with %s says so and what its status means', (_what, args, status, words) => {
    const called = agent(...args);
    expect(called.status).toBe(status);
    expect(called.stderr).toMatch(words);
    expect(called.stderr).not.toMatch(/\n\s+at /);
  });

  it('does not run before it is enrolled, and says how', () => {
    const called = agent('run', '--config', config);
    expect(called).toMatchObject({ status: 1, stderr: expect.stringMatching(/not enrolled.*tidemark-agent enrol/s) });
  });

  it('does not run under a policy that others may write', () => {
    writeFileSync(join(base, 'policy.yaml'), 'kinds: ["*"]\n', { mode: 0o600 });
    spawnSync('chmod', ['666', join(base, 'policy.yaml')]);
    expect(agent('run', '--config', config)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('chmod go-w'),
    });
  });

  it('tells what it is doing, while it runs and when it does not', async () => {
    expect(agent('status', '--config', config).stdout).toBe(
      'agent     does not run\nenrolled  no\norders    none yet\n',
    );
    const server = new TestServer();
    try {
      await server.start();
      const mark = server.program('mark', 'exit 7');
      const command = { kind: 'command/run' as const, args: { command: [mark] as [string], expectStatus: [0] } };
      const order = server.order([{ id: 'a', call: command }]);
      server.runAll(order);
      await until('it failed', () => server.story(order).includes('a failed'));
      writeFileSync(config, `stateDir: ${server.stateDir}\n`);
      const { stdout } = agent('status', '--config', config);
      expect(stdout).toContain('halted (failed), job 1 of 1, released through 1');
      expect(stdout).toContain('job 1 attempt 1: failed: /bin/mark failed: exit status 7');
      expect(stdout).toContain('3 not acknowledged yet');
    } finally {
      await server.close();
    }
  });
});
