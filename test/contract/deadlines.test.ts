import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StepTraces } from '@tidemark/agent/executor/recover.ts';
import type { Phase } from '@tidemark/controller/orchestrator/phase.ts';
import type { Standing } from '@tidemark/shared/orders/frontier.ts';
import { describe, expect, it } from 'vitest';

/* The tables of states and their deadlines: complete, and every row with a test that is there. */

const repository = join(import.meta.dirname, '../..');

interface Row {
  state: string;
  deadline: string;
  tests: { file: string; title: string }[];
}

function rowsOf(readme: string): Row[] {
  const text = readFileSync(join(repository, readme), 'utf8');
  const [, section = ''] = text.split('## States and deadlines\n');
  return (section.split('\n## ')[0] ?? '')
    .split('\n')
    .filter(line => line.startsWith('| ') && !/^\| (-|.*\| deadline \|)/.test(line))
    .map(line => {
      const [, state = '', deadline = '', , tests = ''] = line.split('|').map(cell => cell.trim());
      const named = [...tests.matchAll(/`([^`]+)`: ([^`]+?)(?=, `|$)/g)];
      return { state, deadline, tests: named.map(([, file = '', title = '']) => ({ file, title })) };
    });
}

// The compiler demands every state that there is.
const STANDINGS: Record<Standing['state'], true> = {
  idle: true,
  running: true,
  halted: true,
  finished: true,
  'undo-idle': true,
  'undo-running': true,
  'undo-halted': true,
  undone: true,
};
const PHASES: Record<Phase['is'], true> = {
  waiting: true,
  refused: true,
  never: true,
  working: true,
  halted: true,
  skipped: true,
  done: true,
  undoing: true,
  undone: true,
  'undo-failed': true,
};
/** What a step can be found as, and the row that says how long it can be so. */
const CHILDREN: Record<StepTraces['child'], string> = {
  'never-began': 'given to systemd, not taken',
  alive: 'at work',
  gone: 'its process gone, something of its unit at work',
  'before-boot': 'goes on by itself (reboots, waits), its process gone',
  unclear: 'its result written, not recorded',
};

describe.each([
  ['agent/executor/README.md', Object.keys(STANDINGS).map(state => `\`${state}\``)],
  ['controller/orchestrator/README.md', Object.keys(PHASES)],
])('the table of states in %s', (readme, states) => {
  const rows = rowsOf(readme);

  it.each(states)('has a row for %s', state => {
    expect(rows.some(row => row.state.includes(state))).toBe(true);
  });

  it.each(rows.map(row => [row.state, row] as const))(
    'says of "%s" when it ends, and which tests hold it to that',
    (_, row) => {
      expect(row.deadline).not.toBe('');
      expect(row.tests.length).toBeGreaterThan(0);
      for (const { file, title } of row.tests) {
        expect([file, existsSync(join(repository, file))]).toEqual([file, true]);
        expect(readFileSync(join(repository, file), 'utf8')).toContain(title);
      }
    },
  );
});

it.each(Object.entries(CHILDREN))('a step that is found as %s has a row: %s', (_, state) => {
  expect(rowsOf('agent/executor/README.md').map(row => row.state)).toContain(state);
});
