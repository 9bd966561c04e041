import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CompileInput } from './input.ts';
import { errorsOf, planned } from './testing/world.ts';

type World = Omit<CompileInput, 'policy'>;

const WEB = 'host.name.startsWith("web")';

const HOUR = 3_600_000;
describe('the waves of a plan', () => {
  const waveOf = (plan: ReturnType<typeof planned>) =>
    Object.fromEntries(plan.header.hosts.map(({ name, wave }) => [name, wave]));

  it('take each host once, the first that matches', () => {
    const plan = planned({
      waves: '[{name: web, when: host.role == "web"}, {name: any, when: host.app == "orders"}, {name: rest}]',
    });
    expect(waveOf(plan)).toMatchObject({ web01: 'web', app01: 'any', db02: 'any', led01: 'rest' });
    expect(plan.header.waves.map(({ name, needs }) => [name, needs])).toEqual([
      ['web', []],
      ['any', ['web']],
      ['rest', ['any']],
    ]);
  });

  it('pick hosts of different kinds, and what stops as a whole last', () => {
    const plan = planned({ waves: '[{name: canary, pick: 3}, {name: rest}]' });
    expect(plan.header.hosts.filter(({ wave }) => wave === 'canary').map(({ name }) => name)).toEqual([
      'app01',
      'db02',
      'web01',
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6])('never pick both members of a cluster, nor the active one first: pick %d', count => {
    const plan = planned({ select: 'host.app == "orders"', waves: `[{name: canary, pick: ${count}}, {name: rest}]` });
    const picked = plan.header.hosts.filter(({ wave }) => wave === 'canary').map(({ name }) => name);
    expect(picked).not.toContain('db01');
    expect(picked.length).toBe(Math.min(count, 5));
  });

  it('are an error where they pick and find none', () => {
    expect(errorsOf({ waves: '[{name: a, when: host.clusterRole == "active", pick: 1}, {name: b}]' })).toEqual([
      expect.stringContaining(
        'wave a picks 1, and finds none: all that it matches are members of clusters in which others go first',
      ),
    ]);
    expect(errorsOf({ waves: '[{name: a, when: host.app == "ledger", pick: 1}, {name: b}]' })).toEqual([
      expect.stringContaining('the smallest of what could be picked stops 2 hosts together'),
    ]);
  });

  it('without a host are left out, and nobody waits for them', () => {
    const { waves } = planned({
      waves: '[{name: a, when: host.role == "web"}, {name: b, when: host.app == "x"}, {name: c}]',
    }).header;
    expect(waves.map(({ name, needs }) => [name, needs])).toEqual([
      ['a', []],
      ['c', ['a']],
    ]);
  });
});

describe('waves', () => {
  it('pick a share of what matches, and of few hosts one', () => {
    const picked = (share: string) =>
      planned({ waves: `[{name: a, when: '${WEB}', pick: ${share}}, {name: b}]` })
        .header.hosts.filter(({ wave }) => wave === 'a')
        .map(({ name }) => name);
    expect(picked('50%')).toEqual(['web01']);
    expect(picked('1%')).toEqual(['web01']);
    expect(picked('100%')).toEqual(['web01', 'web02']);
  });

  it('have their gates in the plan, those of the list of approvals too', () => {
    const { header } = planned({
      approvals: '[{need: 2}, {gate: wave/b, from: [dba], expires: 45m, onExpire: cancel}]',
      waves: `[{name: a, pick: 1, gates: [{name: cab, kind: signal, within: 1h}]}, {name: b, gates: [
    {name: shop, kind: http, url: "https://shop.example.com/health", text: ok},
    {name: errors, kind: metric, url: "http://prometheus.example.com:9090", query: "rate(errors[5m])", pass: "< 0.01"}]}]`,
    });
    expect(header.approvals).toEqual([
      { gate: 'plan', from: [], need: 2, notAuthor: false, expiresMs: null, onExpire: 'hold' },
    ]);
    expect(header.waves.map(({ gates }) => gates)).toEqual([
      [{ kind: 'signal', name: 'cab', withinMs: HOUR }],
      [
        {
          kind: 'http',
          name: 'shop',
          url: 'https://shop.example.com/health',
          expectStatus: 200,
          expectText: 'ok',
          everyMs: 15_000,
          withinMs: 300_000,
          timeoutMs: 10_000,
        },
        {
          kind: 'metric',
          name: 'errors',
          url: 'http://prometheus.example.com:9090',
          query: 'rate(errors[5m])',
          pass: { operator: '<', value: 0.01 },
          everyMs: 15_000,
          withinMs: 300_000,
          timeoutMs: 10_000,
        },
        {
          kind: 'approval',
          name: 'approval-2',
          from: ['dba'],
          need: 1,
          notAuthor: false,
          expiresMs: 45 * 60_000,
          onExpire: 'cancel',
        },
      ],
    ]);
  });

  it('need approvers that there are', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'jwk' }).x ?? '';
    const trustRoot: World['trustRoot'] = {
      format: 'tidemark/trust-root/v1',
      fleet: 'test-fleet',
      version: 1,
      approvers: [{ name: 'grace', publicKey: Buffer.from(raw, 'base64url').toString('base64'), classes: ['patch'] }],
      thresholds: { observe: 0, patch: 1, command: 1 },
    };
    expect(errorsOf({ waves: '[{name: a, gates: [{name: x, kind: approval, from: [grce]}]}]' }, { trustRoot })).toEqual(
      [expect.stringContaining('knows no approver grce (did you mean "grace"?)')],
    );
  });

  it('begin with the most important hosts', () => {
    const { header } = planned({
      groups:
        '[{name: gold, when: host.role == "web", importance: 10}, {name: last, when: host.app == "ledger", importance: -1}]',
    });
    expect(header.hosts.map(({ name, importance }) => `${name} ${importance}`)).toEqual([
      'web01 10',
      'web02 10',
      'app01 0',
      'app02 0',
      'db01 0',
      'db02 0',
      'led01 -1',
      'led02 -1',
    ]);
  });

  it('say of which host a group cannot be told', () => {
    expect(errorsOf({ groups: '[{name: gold, when: host.attributes.gold == true, importance: 1}]' })).toEqual([
      expect.stringMatching(/^10:12 whether group gold has app01, .* cannot be said: .*; guard it with has/),
    ]);
  });
});
