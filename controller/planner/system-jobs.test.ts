import { present } from '@tidemark/shared/base/assert.ts';
import type { Job } from '@tidemark/shared/orders/order.ts';
import { describe, expect, it } from 'vitest';
import { component, errorsOf, factsOf, hostIdOf, planned, shop } from './testing/world.ts';

const SYSTEMD = { provider: 'systemd' as const, units: ['orders-cache.service', 'orders-web.service'] };
const STEPS =
  '[{id: stop, uses: service/stop}, {id: mask, uses: service/mask}, {id: patch, uses: archive/install}, ' +
  '{id: reboot, uses: system/reboot, when: facts.reboot.required, with: {max: 3}}, {id: booted, uses: system/wait, with: {booted: 5m}}, ' +
  '{id: unmask, uses: service/unmask}, {id: restart, uses: service/restart, with: {wait: 10s}}, {id: reload, uses: service/reload}, ' +
  '{id: up, uses: service/status}, {id: rest, uses: system/wait, with: {for: 1h}}, {id: loaded, uses: check/loaded}]';

/** The web servers alone: nothing of the pair of databases. */
const WEB = { select: 'host.name in ["web01", "web02"]', clusters: null };

/** The shop with web01 under systemd, and web02 by its scripts as before. */
function world() {
  const { landscape, facts } = shop();
  const components = landscape.components.map(each =>
    each.host === 'web01' ? component('orders-web', 'web01', 'web', { service: SYSTEMD }) : each,
  );
  const found = new Map(
    [...facts].map(([id, { observedAt, facts: own }]) => [
      id,
      { observedAt, facts: { ...own, reboot: { required: id === hostIdOf('web01'), reasons: [] } } },
    ]),
  );
  return { landscape: { ...landscape, components }, facts: found };
}

const jobsOf = (name: string, steps = STEPS): Job[] => {
  const plan = planned({ ...WEB, steps }, world());
  return present(plan.orders.find(order => order.host.name === name)?.jobs, `an order for ${name}`);
};

describe('a component that systemd runs', () => {
  it('is stopped, masked, unmasked, restarted, reloaded and looked at', () => {
    expect(jobsOf('web01').map(({ id, call }) => `${id} ${call.kind}`)).toEqual([
      'stop:orders-web service/stop',
      'mask:orders-web service/mask',
      'patch:orders-web archive/install',
      'reboot system/reboot',
      'booted system/wait',
      'unmask:orders-web service/unmask',
      'restart:orders-web service/restart',
      'reload:orders-web service/reload',
      'up:orders-web service/status',
      'rest system/wait',
      'loaded check/loaded',
    ]);
  });

  it('has its units in every job, and an undo where there is one', () => {
    const job = (id: string) =>
      present(
        jobsOf('web01').find(each => each.id.startsWith(`${id}:`)),
        id,
      );
    expect(job('stop').call.args).toEqual({ component: 'orders-web', service: SYSTEMD, waitMs: 30_000 });
    expect(job('restart').call.args).toEqual({ component: 'orders-web', service: SYSTEMD, waitMs: 10_000 });
    expect(job('mask')).toMatchObject({
      name: 'mask service orders-web on web01',
      call: { args: { component: 'orders-web', service: SYSTEMD } },
      undo: { kind: 'service/unmask', args: { component: 'orders-web', service: SYSTEMD } },
    });
    expect(job('unmask').undo?.kind).toBe('service/mask');
    expect(job('restart').undo).toBeNull();
  });
});

describe('a component of scripts', () => {
  it('has nothing to mask and nothing to reload', () => {
    const kinds = jobsOf('web02').map(({ call }) => call.kind);
    expect(kinds).not.toContain('service/mask');
    expect(kinds).not.toContain('service/reload');
    expect(kinds).toContain('service/restart');
  });
});

describe('a reboot', () => {
  it('is planned where the facts ask for it', () => {
    expect(jobsOf('web01').find(({ step }) => step === 'reboot')).toMatchObject({
      call: { kind: 'system/reboot', args: { when: 'needed', maxReboots: 3, downMs: 300_000 } },
      undo: null,
      onFailure: 'hold',
    });
    expect(jobsOf('web02').find(({ step }) => step === 'reboot')).toBeUndefined();
  });

  it('takes the host out of service: what comes before may not begin so late that it would not fit', () => {
    const [before, reboot] = jobsOf('web01', '[{id: fp, uses: scan/run}, {id: boot, uses: system/reboot}]');
    expect(before?.notAfter).toBeLessThan(reboot?.notAfter ?? 0);
  });
});

describe('a wait', () => {
  it('is expected to take as long as it says', () => {
    const rest = jobsOf('web01').find(({ id }) => id === 'rest');
    expect(rest).toMatchObject({ expectedMs: 3_600_000, call: { args: { until: 'elapsed', ms: 3_600_000 } } });
  });

  it.each(['{}', '{for: 1m, booted: 1m}'])('of %s is an error with its place', written => {
    const steps = `[{id: w, uses: system/wait, with: ${written}}]`;
    expect(errorsOf({ ...WEB, steps })).toEqual([expect.stringMatching(/^9:\d+ .*give either "for" or "booted"/)]);
  });
});

it('facts without a word on reboots leave a condition on them undecided', () => {
  const { landscape } = world();
  const facts = new Map(shop().facts).set(hostIdOf('web01'), factsOf(['orders-web']));
  expect(errorsOf({ ...WEB, steps: STEPS }, { landscape, facts })[0]).toMatch(/whether step reboot is for/);
});
