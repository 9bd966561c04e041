import { describe, expect, it } from 'vitest';
import { budgetsOf } from './parse-budgets.ts';
import { parsePolicy } from './parse-policy.ts';
import { errorText, type PolicyParts, policyText } from './testing/world.ts';

function errorsOf(parts: PolicyParts): string[] {
  const policy = parsePolicy(policyText(parts), 'policy.yaml');
  return policy.ok ? [] : policy.error.map(errorText);
}

function parsed(parts: PolicyParts) {
  const policy = parsePolicy(policyText(parts), 'policy.yaml');
  if (!policy.ok) throw new Error(policy.error.map(errorText).join('\n'));
  return policy.value;
}

describe('a policy', () => {
  it.each<[string, PolicyParts, string[]]>([
    ['an empty selector', { select: '""' }, ['5:12 the condition is empty: an empty one never means all']],
    ['a selector without a value', { select: '' }, ['5:11 the condition is empty: an empty one never means all']],
    ['no selector', { select: null }, ['the condition is empty: an empty one never means all']],
    [
      'a selector with an unknown name',
      { select: 'host.ap == "x"' },
      ['5:16 this is no valid condition: host has no ap (did you mean "app"?)'],
    ],
    ['no bundle', { bundle: '{}' }, ['6:11 spec.bundle.name is missing: name a bundle']],
    ['a duration without unit', { window: '{duration: 4}' }, ['7:22 spec.window.duration must be a string']],
    ['no duration', { window: '{duration: 0s}' }, ['7:22 the window has no duration']],
    [
      'a reserve that is the whole window',
      { window: '{duration: 1h, reserve: 60m}' },
      ['7:35 the reserve for undo leaves'],
    ],
    ['an offset as time zone', { window: '{duration: 1h, timezone: "+01:00"}' }, ['7:36 +01:00 is no time zone']],
    [
      'a time zone that is none',
      { window: '{duration: 1h, timezone: Europe/Berlim}' },
      ['7:36 Europe/Berlim is no time zone'],
    ],
    ['an unknown key', { wavs: '[]' }, ['10:3 unknown key "wavs" in spec (did you mean "waves"?)']],
    ['a tier twice', { tiers: '[{name: a}, {name: a}]' }, ['8:22 tier a is there twice']],
    [
      'a share above all',
      { tiers: '[{name: a, minInService: 110%}]' },
      ['8:35 spec.tiers[0].minInService: must be a count like 2 or a share like 50%'],
    ],
    [
      'waves that wait for each other',
      { waves: '[{name: a, needs: [b]}, {name: b}]' },
      ['10:28 these waves wait for each other: a needs b needs a'],
    ],
    [
      'a wave that waits for none',
      { waves: '[{name: canary}, {name: b, needs: [canari]}]' },
      ['10:45 there is no wave canari (did you mean "canary"?)'],
    ],
    ['a wave twice', { waves: '[{name: a}, {name: a, needs: []}]' }, ['10:29 two waves are called a']],
    [
      'steps that wait for each other',
      { steps: '[{id: a, uses: check/disk, needs: [b]}, {id: b, uses: scan/run, needs: [a]}]', clusters: null },
      ['9:44 these steps wait for each other: a needs b needs a'],
    ],
    [
      'a step that waits for none',
      { steps: '[{id: a, uses: check/disk, needs: [x]}]', clusters: null },
      ['9:45 there is no step x'],
    ],
    [
      'a step twice',
      { steps: '[{id: a, uses: check/disk}, {id: a, uses: scan/run}]', clusters: null },
      ['9:43 two steps are called a'],
    ],
    [
      'a step of an unknown kind',
      { steps: '[{id: a, uses: check/dsik}]', clusters: null },
      ['9:25 there is no step kind check/dsik (did you mean "check/disk"?)'],
    ],
    [
      'a step of a later kind',
      { steps: '[{id: a, uses: monitoring/silence}]', clusters: null },
      ['9:25 the step kind monitoring/silence is not supported yet: remove the step'],
    ],
    [
      'a step that is only an undo',
      { steps: '[{id: a, uses: archive/activate}]', clusters: null },
      ['9:25 archive/activate is no step of its own'],
    ],
    [
      'an undo that does not fit',
      { steps: '[{id: a, uses: service/stop, undo: lb/enable}]', clusters: null },
      ['9:45 service/stop cannot be taken back by lb/enable: write service/start or none'],
    ],
    [
      'an order that does not fit',
      { steps: '[{id: a, uses: service/stop, order: tiers-reversed}]', clusters: null },
      ['9:46 service/stop goes by tiers: another order is not supported yet'],
    ],
    [
      'an unknown argument',
      { steps: '[{id: a, uses: check/disk, with: {reserv: 1GB}}]', clusters: null },
      ['9:44 unknown key "reserv" in spec.steps[0].with (did you mean "reserve"?)'],
    ],
    [
      'a shell text as command',
      { steps: '[{id: a, uses: command/run, with: {command: "rm -rf /"}}]', clusters: null },
      ['9:54 spec.steps[0].with.command must be a list'],
    ],
    [
      'a handover that no step does',
      { steps: '[{id: a, uses: check/disk}]' },
      ['10:10 no step uses cluster/handover, so the handover of ordersdb would never run'],
    ],
    [
      'a handover of a later kind',
      { clusters: '[{name: a, activeWhen: facts.a, handover: {uses: postgres/switchover, with: {}}}]' },
      ['9:62 a handover by postgres/switchover is not supported yet: write cluster/handover'],
    ],
    [
      'a placeholder that is none',
      {
        clusters: `[{name: a, activeWhen: facts.a, handover: {uses: cluster/handover, with: {command: [/a, "${'$'}{x.y}"], confirm: [/b]}}}]`,
      },
      ['9:86 the placeholder "x.y" is unknown here; known are host.name, peer.name, cluster.name'],
    ],
    [
      'a budget without a limit',
      { budgets: '[{scope: run, then: stop}]' },
      ['10:13 a budget needs "when", or "scope" with'],
    ],
    [
      'a budget in both forms',
      { budgets: '[{when: run.failed > 1, scope: run, maxFailed: 1, then: stop}]' },
      ['10:13 a budget has either "when" or "scope"'],
    ],
    [
      'a job name without a host',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
      { jobName: "'${step.verb}'" },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
      ['10:12 it must hold ${host.name}'],
    ],
    [
      'a job name of unknown parts',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy language's own placeholder.
      { jobName: "'${host.nam}'" },
      ['10:12 the placeholder "host.nam" is unknown here (did you mean "host.name"?)'],
    ],
    [
      'neither a bundle nor a ring',
      { bundle: '{include: "true"}' },
      ['6:11 spec.bundle.name is missing: name a bundle, or the ring whose newest one is meant'],
    ],
    [
      'advisories, which bundles do not know yet',
      { bundle: '{name: a, include: advisory.kev}' },
      ['6:30 which patch of a bundle answers an advisory is not known: choose by patch.name, version or kind'],
    ],
    ['a ring that is none', { bundle: '{ring: "to all"}' }, ['6:18 spec.bundle.ring: must be letters, digits']],
    [
      'a condition about patches that are no such thing',
      { bundle: '{name: a, exclude: patch.nam == "x"}' },
      ['6:36 this is no valid condition'],
    ],
    [
      'a recurrence without a start',
      { window: '{duration: 4h, rrule: FREQ=DAILY}' },
      ['7:33 spec.window.start is missing'],
    ],
    ['a start without a recurrence', { window: '{duration: 4h, start: "22:00"}' }, ['7:33 a start without "rrule"']],
    [
      'a recurrence that is none',
      { window: '{duration: 4h, rrule: FREQ=HOURLY, start: "22:00"}' },
      ['7:33 FREQ=HOURLY does not work: it takes DAILY, WEEKLY, MONTHLY, YEARLY'],
    ],
    [
      'a start that is none',
      { window: '{duration: 4h, rrule: FREQ=DAILY, start: "22 Uhr"}' },
      ['"22 Uhr" is no start: write a time of day like "22:00"'],
    ],
    [
      'a calendar that did not come with it',
      { window: '{duration: 4h, blackout: [a.ics]}' },
      ['7:37 the calendar a.ics did not come with the policy'],
    ],
    ['a gate that is none', { approvals: '[{gate: plann}]' }, ['10:22 there is no gate plann: write plan, or wave/']],
    [
      'a gate of a wave that is none',
      { approvals: '[{gate: wave/canry}]', waves: '[{name: canary}]' },
      ['10:22 there is no wave canry (did you mean "canary"?)'],
    ],
    [
      'a gate of no kind',
      { waves: '[{name: a, gates: [{name: x, kind: htp}]}]' },
      ['10:45 spec.waves[0].gates[0].kind must be "approval" or "signal" or "http" or "metric"'],
    ],
    [
      'a gate with a key of another kind',
      { waves: '[{name: a, gates: [{name: x, kind: signal, url: "http://a"}]}]' },
      ['10:53 unknown key "url" in spec.waves[0].gates[0]; known are name, kind, '],
    ],
    [
      'a gate with an address that is none',
      { waves: '[{name: a, gates: [{name: x, kind: http, url: "file:///etc/passwd"}]}]' },
      ['must be an address like https://'],
    ],
    [
      'two gates of one name',
      { waves: '[{name: a, gates: [{name: x, kind: signal}, {name: x, kind: signal}]}]' },
      ['two gates of wave a are called x'],
    ],
    ['a wave that picks nobody', { waves: '[{name: a, pick: 0%}]' }, ['10:27 wave a picks nothing']],
    [
      'a cluster in the listed order without a list',
      { clusters: '[{name: ordersdb, order: listed}]' },
      ['9:14 members is missing: listed goes by the order'],
    ],
    [
      'a cluster by roles that nobody counts',
      { clusters: '[{name: ordersdb, order: fewest-roles-first}]' },
      ['9:14 roles is missing'],
    ],
    [
      'a count of roles that is no number',
      { clusters: '[{name: ordersdb, order: fewest-roles-first, roles: "true"}]' },
      ['this gives bool, and a number is needed here'],
    ],
    [
      'a cluster of which nobody knows the active member',
      { clusters: '[{name: ordersdb}]' },
      ['9:14 activeWhen is missing: inactive-first has to know'],
    ],
    [
      'a limit per nothing',
      { limits: '[{per: rack, maxUnavailable: 1}]' },
      ['10:18 spec.limits[0].per: must be cluster'],
    ],
    [
      'two groups of one name',
      { groups: '[{name: a, when: "true", importance: 1}, {name: a, when: "true", importance: 2}]' },
      ['two groups are called a'],
    ],
    [
      'an emergency that leaves out a wave with gates',
      {
        waves: '[{name: a, gates: [{name: x, kind: signal}]}, {name: b}]',
        emergency: '{waves: [b], approvals: [{need: 1}]}',
      },
      ['wave a cannot be left out: its gates hold in an emergency too'],
    ],
    [
      'an emergency of waves that are none',
      { waves: '[{name: a}]', emergency: '{waves: [b], approvals: [{need: 1}]}' },
      ['there is no wave b'],
    ],
    [
      'a change of a standard step that is none',
      { steps: '{base: standard, change: {upgrad: {timeout: 5m}}}' },
      ['10:36 there is no standard step upgrad (did you mean "upgrade"?)'],
    ],
    [
      'a standard step left out without its other half',
      { steps: '{base: standard, change: {start: {skip: true}}}' },
      ['start cannot be left out without stop: what one of them does the other ends'],
    ],
    [
      'a step beside the standard ones that belongs nowhere',
      { steps: '{base: standard, add: [{id: a, uses: system/wait, with: {for: 1s}}]}' },
      ['say where it belongs: either "before" or "after"'],
    ],
    [
      'a step beside a standard one that is none',
      { steps: '{base: standard, add: [{id: a, uses: system/wait, with: {for: 1s}, after: verfy}]}' },
      ['there is no step verfy (did you mean "verify"?)'],
    ],
    [
      'a step before what it needs',
      { steps: '{base: standard, add: [{id: a, uses: system/wait, with: {for: 1s}, before: stop, needs: [start]}]}' },
      ['it needs start, which comes after it'],
    ],
    [
      'a budget that cannot be yet',
      { budgets: '[{when: run.etaMinutes > 3, then: stop}]' },
      ['10:20 only the number or share of failed hosts and the time left'],
    ],
  ])('is refused with %s', (_, parts, expected) => {
    const found = errorsOf(parts);
    expect(found).toHaveLength(expected.length);
    for (const [index, message] of expected.entries()) expect(found[index]).toContain(message);
  });

  it.each<[string, PolicyParts]>([
    ['spec.change', { change: '{system: x}' }],
    ['spec.promote', { promote: '{}' }],
    ['spec.notify', { notify: '[]' }],
    ['spec.report', { report: '{}' }],
  ])('is refused, and told so, where it uses %s', (_, parts) => {
    expect(errorsOf(parts)).toEqual([expect.stringMatching(/^\d+:\d+ .*is not supported yet/)]);
  });

  it('tells all that is wrong at once, from top to bottom', () => {
    const lines = errorsOf({ select: 'host.x', promote: '{}', waves: '[{name: a, needs: [q]}]' }).map(
      text => text.split(':')[0],
    );
    expect(lines).toEqual(['5', '10', '11']);
  });

  it('lets waves go one after the other unless it says otherwise', () => {
    const { waves } = parsed({ waves: '[{name: a}, {name: b}, {name: c, needs: []}, {name: d, needs: [a, b]}]' });
    expect(waves.map(({ needs }) => needs)).toEqual([[], ['a'], [], ['a', 'b']]);
  });

  it('takes settings from the step, then from its defaults, then from the kind', () => {
    const { steps } = parsed({
      clusters: null,
      defaults: '{timeout: 7m, retries: {max: 4}}',
      steps:
        '[{id: a, uses: check/disk, timeout: 3m}, {id: b, uses: service/stop, onFailure: hold, retries: {max: 0}}]',
    });
    expect(steps).toMatchObject([
      { id: 'a', timeoutMs: 180_000, retries: { max: 4, backoffMs: 5_000 }, onFailure: 'skip-host' },
      { id: 'b', timeoutMs: 420_000, retries: { max: 0 }, onFailure: 'hold' },
    ]);
  });

  it('runs steps as they are listed, and later where they need what comes later', () => {
    const { steps } = parsed({
      clusters: null,
      steps: '[{id: a, uses: scan/run, needs: [c]}, {id: b, uses: check/disk}, {id: c, uses: check/disk}]',
    });
    expect(steps.map(({ id }) => id)).toEqual(['b', 'c', 'a']);
  });
});

describe('a budget written as a condition', () => {
  const none = { of: null, maxFailed: null, maxFailedShare: null, minMarginMs: null };
  it.each([
    ['wave.failed > 2', [{ ...none, scope: 'wave', maxFailed: 2 }]],
    ['run.failed >= 6', [{ ...none, scope: 'run', maxFailed: 5 }]],
    ['wave.failedShare > 0.05', [{ ...none, scope: 'wave', maxFailedShare: 0.05 }]],
    ['wave.failed > 0 && wave.name == "canary"', [{ ...none, scope: 'wave', of: 'canary', maxFailed: 0 }]],
    [
      'wave.failedShare > 0.05 || run.failed >= 6',
      [
        { ...none, scope: 'wave', maxFailedShare: 0.05 },
        { ...none, scope: 'run', maxFailed: 5 },
      ],
    ],
  ])('%s is %j', (text, expected) => {
    expect(budgetsOf(text)).toEqual({ ok: true, value: expected });
  });

  it.each([
    'run.failed >= 0',
    'run.failedShare >= 0.5',
    'run.failedShare > 5',
    'run.failed > 1.5',
    'run.failed < 3',
    'wave.failed > 0 && run.failed > 1',
    'wave.failed > 0 && cluster.name == "a"',
    'wave.name == "a"',
    'wave.failed >',
    'true',
  ])('%s is refused', text => {
    expect(budgetsOf(text).ok).toBe(false);
  });
});
