// Mistakes that the orchestrator or its store could have. Each replaces one expression of its source by another, in a process of its own;
// where the expression is no longer there, the test says so and somebody plants it anew. `arguments` are those of the
// nights in which it is looked for, `property` is the rule that a night breaks, and `seed` the first night that broke it: of the
// nights from 1 to 200, which are all that it may take.

const orchestrator = file => `controller/orchestrator/${file}.ts`;
const store = file => `controller/store/${file}.ts`;
const WILD = ['--faults', '0.02'];
/** Small, since PostgreSQL is asked everything as well. */
const TWIN = ['--store', 'postgres', '--hosts', '12', '--clusters', '3', ...WILD];

export const PLANTED = [
  {
    name: 'one host more out of service than a limit allows',
    file: orchestrator('starts'),
    from: 'limit && out + members > limit.maxOut',
    to: 'limit && out + members > limit.maxOut + 1',
    arguments: ['--faults', '0'],
    seed: 1,
    property: 'limits',
  },
  {
    name: 'more hosts at work than maxParallel',
    file: orchestrator('starts'),
    from: '(usage.atWork[wave] ?? 0) + members <= most',
    to: '(usage.atWork[wave] ?? 0) + members <= most + 1',
    arguments: ['--faults', '0'],
    seed: 1,
    property: 'maxParallel',
  },
  {
    name: 'a hold point opens while what it waits for is still at work',
    file: orchestrator('picture'),
    from: 'return phase.position > hold.position;',
    to: 'return phase.position >= hold.position;',
    arguments: ['--faults', '0'],
    seed: 2,
    property: 'precedences of the plan',
  },
  {
    name: 'hold points do not hold',
    file: orchestrator('picture'),
    from: 'holds.filter(hold => !isPassedAt(picture, hold))',
    to: 'holds.filter(() => false)',
    arguments: ['--faults', '0'],
    seed: 2,
    property: 'tier order',
  },
  {
    name: 'a host that was taken back no longer protects its peers',
    file: orchestrator('picture'),
    from: "return host.phase.is !== 'done' && host.phase.is !== 'never' && host.phase.is !== 'refused';",
    to: "return host.phase.is !== 'done' && host.phase.is !== 'undone' && host.phase.is !== 'never' && host.phase.is !== 'refused';",
    arguments: ['--faults', '0.1'],
    seed: 2,
    property: 'limits',
  },
  {
    name: 'hosts begin in a run that is paused',
    file: orchestrator('starts'),
    from: "if (snapshot.run.state !== 'running') return stays",
    to: "if (snapshot.run.state === 'stopping') return stays",
    arguments: ['--faults', '0.5'],
    seed: 16,
    property: 'budgets',
  },
  {
    name: 'a failed job holds its host and asks nobody',
    file: orchestrator('failures'),
    from: "const actions = jobIncident(picture, host, position, phase.outcome, 'forward');",
    to: 'const actions: Action[] = [];',
    arguments: WILD,
    seed: 1,
    property: 'every held thing has an incident',
  },
  {
    name: 'hosts begin under an approval that has expired',
    file: orchestrator('coverage'),
    from: "missing === null || run.state !== 'running'",
    to: "missing !== null || run.state !== 'running'",
    arguments: WILD,
    seed: 8,
    property: 'no start after the approval has expired',
  },
  {
    name: 'who does not do what it was asked is not asked again',
    file: orchestrator('reminding'),
    from: 'const isDue = now - since >= REMIND_MS;',
    to: 'const isDue = now < since;',
    arguments: ['--faults', '0.05', '--calm'],
    seed: 38,
    property: 'what began comes to its end',
  },
  {
    name: 'PostgreSQL does not count a report as a change of its host',
    file: store('orchestrator-writes'),
    from: 'await touch(tx, run, hostId);\n  },\n\n  async addEvents',
    to: '},\n  async addEvents',
    arguments: TWIN,
    seed: 1,
    property: 'both stores say the same',
  },
  {
    name: 'PostgreSQL gives what is due by host and not by age',
    file: store('outbox'),
    from: '.orderBy(asc(outbox.id))',
    to: '.orderBy(asc(outbox.hostId))',
    arguments: TWIN,
    seed: 1,
    property: 'both stores say the same',
  },
  {
    name: 'PostgreSQL keeps what a transaction did that failed',
    file: store('orchestrator'),
    from: 'store.transaction(tx => work(runTransaction(tx)))',
    to: 'store.transaction(async tx => { try { return await work(runTransaction(tx)); } catch {} return undefined as never; })',
    arguments: [...TWIN, '--faults', '0.1'],
    seed: 1,
    property: 'both stores say the same',
  },
];
