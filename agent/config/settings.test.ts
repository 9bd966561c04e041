import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEnvelope, PayloadType, signEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { rawPublicKey } from '@tidemark/shared/signing/ed25519.ts';
import { encodeTrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, loadPolicy } from './policy.ts';
import { DEFAULT_CONFIG_FILE, mergeFragments, readFragment, validate } from './settings.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-config-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function put(name: string, text: string | Uint8Array): string {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

function putTrustRoot(): string {
  const key = generateKeyPairSync('ed25519');
  const root = encodeTrustRoot({
    format: 'tidemark/trust-root/v1',
    fleet: 'test',
    version: 1,
    approvers: [{ name: 'a', publicKey: rawPublicKey(key.publicKey).toString('base64'), classes: ['patch'] }],
    thresholds: { observe: 0, patch: 1, command: 1 },
  });
  return put('trust-root.json', encodeEnvelope(signEnvelope(PayloadType.trustRoot, root, [key.privateKey])));
}

describe('a config file', () => {
  it('has its relative paths taken from where it lies', () => {
    const file = put('agent.yaml', 'stateDir: state\nroot: /srv\npolicy: ../policy.yaml\n');
    expect(readFragment(file)).toEqual({
      ok: true,
      value: { stateDir: join(directory, 'state'), root: '/srv', policy: join(directory, '../policy.yaml') },
    });
  });

  it.each([
    ['an unknown key', 'stateDirectory: x\n', /stateDirectory.*known are stateDir/s],
    ['a value of another type', 'stateDir: 7\n', /stateDir/],
    ['a duplicate key', 'root: /a\nroot: /b\n', /agent\.yaml:2:1/],
    ['broken YAML', 'root: [\n', /agent\.yaml:\d+:\d+/],
    ['an alias', 'root: &a /x\nstateDir: *a\n', /agent\.yaml:2:11: aliases/],
    ['a list', '- a\n', /agent\.yaml/],
  ])('with %s is refused and named', (_what, text, words) => {
    const read = readFragment(put('agent.yaml', text));
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.error).toMatch(words);
  });

  it('may be empty, and only the default one may be missing', () => {
    expect(readFragment(put('agent.yaml', ''))).toEqual({ ok: true, value: {} });
    expect(readFragment(join(directory, 'none.yaml'))).toMatchObject({ ok: false });
    expect(readFragment(DEFAULT_CONFIG_FILE).ok).toBe(true);
  });
});

describe('fragments', () => {
  it('lie one over the other, and defaults below them', () => {
    const inputs = mergeFragments([{ root: '/a', stateDir: '/s' }, { root: '/b' }]);
    expect(inputs).toMatchObject({ root: '/b', stateDir: '/s', factsDir: '/b/etc/tidemark/facts.d', logLevel: 'info' });
  });
});

describe('inputs', () => {
  it('become settings where all that they name is good', () => {
    const settings = validate(
      mergeFragments([{ root: directory, policy: join(directory, 'none'), trustRoot: putTrustRoot() }]),
    );
    expect(settings).toMatchObject({ ok: true, value: { trustRoot: { fleet: 'test' }, policy: DEFAULT_POLICY } });
  });

  it.each([
    ['a root that is not there', () => ({ root: '/no/such' }), /\/no\/such is no directory/],
    ['no trust root', () => ({ trustRoot: '/no/trust.json' }), /no trust root \/no\/trust\.json/],
    ['a trust root that nobody signed', () => ({ trustRoot: put('t.json', '{}') }), /DSSE/],
    [
      'a trust root that others may write',
      () => {
        const trustRoot = putTrustRoot();
        chmodSync(trustRoot, 0o666);
        return { trustRoot };
      },
      /chmod go-w/,
    ],
  ])('with %s say what to do', (_what, fragment, words) => {
    const settings = validate(
      mergeFragments([{ root: directory, policy: '/no/policy', trustRoot: putTrustRoot() }, fragment()]),
    );
    expect(settings.ok).toBe(false);
    if (!settings.ok) expect(settings.error).toMatch(words);
  });
});

describe("the server's own policy", () => {
  const load = (text: string) => loadPolicy(put('policy.yaml', text), process.getuid?.());

  it('that is not there permits no commands', () => {
    expect(DEFAULT_POLICY.kinds).toContain('service/stop');
    expect(DEFAULT_POLICY.kinds.filter(kind => kind.startsWith('command/'))).toEqual([]);
  });

  it('is what the file says, and the default where it says nothing', () => {
    expect(load('kinds: [check/*, command/run]\nprograms: [/opt/*/bin/*]\n')).toEqual({
      ok: true,
      value: { kinds: ['check/*', 'command/run'], programs: ['/opt/*/bin/*'], paths: DEFAULT_POLICY.paths },
    });
  });

  it.each([
    ['a kind that there is not', 'kinds: [service/stp]\n', /service\/stp.*no step kind/],
    ['an area that there is not', 'kinds: [services/*]\n', /no step kind/],
    ['a relative program', 'programs: [bin/x]\n', /absolute/],
    ['an unknown key', 'steps: [a]\n', /steps.*known are kinds, programs, paths, units, targets, audits, packages/s],
  ])('with %s is refused', (_what, text, words) => {
    const loaded = load(text);
    expect(loaded.ok).toBe(false);
    if (!loaded.ok) expect(loaded.error).toMatch(words);
  });

  it.each([0o620, 0o602, 0o666])('with mode %o is refused: others may write it', mode => {
    const file = put('policy.yaml', '');
    chmodSync(file, mode);
    expect(loadPolicy(file, process.getuid?.())).toMatchObject({ ok: false });
  });

  it.skipIf(process.getuid?.() !== 0)('that belongs to another user is refused', () => {
    const file = put('policy.yaml', '');
    chownSync(file, 12345, 12345);
    expect(loadPolicy(file, 0)).toMatchObject({ ok: false, error: expect.stringContaining('12345') });
    expect(loadPolicy(file, 12345)).toMatchObject({ ok: true });
  });
});
