import { describe, expect, it } from 'vitest';
import { sampleJob, sampleOrder } from '../testing/samples.ts';
import { decodeOrder } from './order.ts';
import { stepKinds } from './step-kinds.ts';

/*
 * "An unknown kind or argument is refused when the order arrives": tried for every kind of the vocabulary, and every one of
 * its arguments, by the bytes that an agent gets.
 */

const DIGEST = `sha256:${'a'.repeat(64)}`;
const exact = { name: 'nginx', version: '1.22.1-9', architecture: null, sha256: DIGEST };
const release = { product: 'shop', version: '1.4.1', home: '/opt/shop' };
const service = { provider: 'systemd', units: ['shop.service'] };
const component = { component: 'shop', service, waitMs: 1 };
const change = { packages: [exact], conffiles: 'keep', others: 'refuse', lockWaitMs: 1 };
const balancer = { balancer: 'haproxy', socket: '/run/h.sock', backend: 'shop', server: 'web01', waitMs: 1 };
const member = { cluster: 'paydb', member: { manager: 'pacemaker' }, waitMs: 1 };
const disk = { needs: [{ path: '/opt', bytes: 1 }] };

/** Arguments that fit, by kind. */
const FITTING: Readonly<Record<string, Record<string, unknown>>> = {
  'check/disk': disk,
  'check/clock': { maxOffsetMs: 1 },
  'check/pending': { held: 'ignore', withinMs: 1 },
  'check/units': { noneFailed: true, ignore: [], active: [], withinMs: 1 },
  'check/tcp': { host: '127.0.0.1', port: 1, withinMs: 1 },
  'check/http': { url: 'http://127.0.0.1/', expectStatus: 200, expectText: null, withinMs: 1 },
  'check/sql': {
    ...{ engine: 'postgresql', at: { by: 'loopback', port: 5432 }, database: 'd', user: 'u', systemUser: null },
    ...{ query: 'select 1', expectValue: null, statementMs: 1 },
  },
  'check/command': { command: ['/bin/true'], expectStatus: [0], expectText: null, withinMs: 1 },
  'check/facts': { condition: 'facts.kernel == "6.1"', withinMs: 1 },
  'check/all': { checks: [{ kind: 'check/disk', args: disk }] },
  'check/loaded': { ignore: [] },
  'batch/hold': { hold: 'night', cron: true, at: true, timers: 'all', except: [], waitMs: 1 },
  'batch/release': { hold: 'night' },
  'artifact/stage': { name: 'shop.tar.gz', digest: DIGEST, bytes: 1 },
  'archive/install': { ...release, digest: DIGEST },
  'archive/activate': release,
  'snapshot/create': { method: 'copy', name: 'night', paths: ['/opt/shop'] },
  'snapshot/revert': { name: 'night', paths: ['/opt/shop'], whenWritten: 'ask' },
  'snapshot/delete': { name: 'night' },
  'snapshot/prune': {},
  'service/stop': component,
  'service/start': component,
  'service/restart': component,
  'service/reload': component,
  'service/status': { component: 'shop', service, expect: 'up' },
  'service/mask': { component: 'shop', service },
  'service/unmask': { component: 'shop', service },
  'cluster/handover': { cluster: 'paydb', command: ['/bin/a'], confirm: ['/bin/b'], waitMs: 1 },
  'cluster/leave': member,
  'cluster/join': member,
  'lb/drain': { ...balancer, whenBusy: 'fail' },
  'lb/enable': balancer,
  'file/clean': { packageCache: true, journalKeepBytes: null, kernelsKeep: 2, lockWaitMs: 1 },
  'command/run': { command: ['/bin/true'], expectStatus: [0] },
  'command/shell': { script: 'true', expectStatus: [0] },
  'manual/task': { instructions: 'look', who: 'ada', evidence: null, expectedMs: 1 },
  'package/refresh': { lockWaitMs: 1 },
  'package/download': { packages: [exact], others: 'refuse', back: [], lockWaitMs: 1 },
  'package/upgrade': change,
  'package/install': change,
  'package/remove': { names: ['nginx'], others: 'refuse', lockWaitMs: 1 },
  'package/hold': { names: ['nginx'] },
  'package/unhold': { names: ['nginx'] },
  'package/repair': { lockWaitMs: 1 },
  'scan/run': {
    profile: { name: 'p', version: 1, roots: [{ path: '/opt', plane: 'software' }], ignore: [], expect: [] },
  },
  'inventory/run': {},
  'system/reboot': { when: 'needed', maxReboots: 1, downMs: 1_000 },
  'system/wait': { until: 'elapsed', ms: 1 },
};

const arrives = (kind: string, args: unknown, where: 'call' | 'undo' = 'call'): boolean => {
  const job = { ...sampleJob(), ...(where === 'call' ? { call: { kind, args } } : { undo: { kind, args } }) };
  return decodeOrder(Buffer.from(JSON.stringify({ ...sampleOrder(), jobs: [job] }))).ok;
};

describe.each([...stepKinds])('an order with %s', kind => {
  const fitting = FITTING[kind] ?? {};

  it('is taken with arguments that fit, as a call and as an undo', () => {
    expect([arrives(kind, fitting), arrives(kind, fitting, 'undo')]).toEqual([true, true]);
  });

  it('is refused with an argument that is not known', () => {
    expect(arrives(kind, { ...fitting, force: true })).toBe(false);
    expect(arrives(kind, { ...fitting, force: true }, 'undo')).toBe(false);
  });

  it('is refused without any one of its arguments, and with one of another type', () => {
    for (const name of Object.keys(fitting)) {
      const { [name]: _, ...rest } = fitting;
      expect(arrives(kind, rest), `without ${name}`).toBe(false);
      for (const wrong of [{ a: { wrong: 'type' } }, ['', '--force']])
        expect(arrives(kind, { ...fitting, [name]: wrong }), `${name}: ${JSON.stringify(wrong)}`).toBe(false);
    }
  });

  it('is refused under a name that is almost it', () => {
    for (const name of [`${kind} `, kind.toUpperCase(), kind.replace('/', '-'), `${kind}/x`])
      expect(arrives(name, fitting)).toBe(false);
  });
});
