import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { PlanHeader } from '@tidemark/shared/orders/plan.ts';
import type { Calendar, Freeze } from './calendar.ts';
import { errorAt, type Place, type PlanError } from './errors.ts';
import type { WindowRule } from './policy.ts';

export type ChosenWindow = PlanHeader['window'];

/** Occurrences that freezes may take one after the other. A freeze of a year over a daily window has 366. */
const MAX_SKIPPED = 1_000;
/** That many are told in a plan; after them it only matters that there were more. */
const MAX_TOLD = 20;

/**
 * When the work happens: at the time that was asked for, else at the next occurrence of the recurrence in which nothing is
 * frozen, else now. An emergency opens now, whatever recurs or is frozen: `overridden` says what.
 */
export function chooseWindow(
  rule: WindowRule,
  asked: { at: number | null; now: number; emergency: boolean },
): Result<{ window: ChosenWindow; overridden: string[] }, PlanError> {
  const { at, now, emergency } = asked;
  if (at === null && !emergency && rule.recurrence) return nextOccurrence(rule, rule.recurrence, now);
  const window = windowAt(rule, at ?? now, 'given');
  if (window.end <= now)
    return err(errorAt(rule.place, `the window was over at ${iso(window.end)}: plan for a later time`));
  const frozen = freezeIn(rule, window);
  if (frozen === null) return ok({ window, overridden: [] });
  const text = freezeText(frozen.freeze, frozen.calendar);
  if (emergency) return ok({ window, overridden: [`works in ${text}`] });
  return err(
    errorAt(
      frozen.calendar.place,
      `${text} lies in the window: plan for another time, or as an emergency ("--emergency")`,
    ),
  );
}

function nextOccurrence(
  rule: WindowRule,
  recurrence: NonNullable<WindowRule['recurrence']>,
  now: number,
): Result<{ window: ChosenWindow; overridden: string[] }, PlanError> {
  const skipped: ChosenWindow['skipped'] = [];
  for (let from = now; skipped.length < MAX_SKIPPED; ) {
    const start = recurrence.next(from);
    if (start === null) break;
    const window = windowAt(rule, start, 'recurrence');
    const frozen = freezeIn(rule, window);
    if (frozen === null) return ok({ window: { ...window, skipped: skipped.slice(0, MAX_TOLD) }, overridden: [] });
    skipped.push({ start, reason: freezeText(frozen.freeze, frozen.calendar) });
    from = start + 1;
  }
  const [first] = skipped;
  const why = first
    ? `freezes lie in all of its next ${skipped.length}: ${first.reason} first`
    : 'it is over, or its days are in no calendar';
  return err(errorAt(recurrence.place, `${recurrence.text} has no occurrence from ${iso(now)} on: ${why}`));
}

const windowAt = (rule: WindowRule, start: number, chosen: ChosenWindow['chosen']): ChosenWindow => ({
  start,
  // Hours that pass, not hours on a clock: a window of four hours has four, also when the clocks change in it.
  end: start + rule.durationMs,
  reserveMs: rule.reserveMs,
  timezone: rule.timezone,
  chosen,
  skipped: [],
});

function freezeIn(
  rule: WindowRule,
  { start, end }: ChosenWindow,
): { freeze: Freeze; calendar: Calendar & { place: Place } } | null {
  for (const calendar of rule.blackouts) {
    const freeze = calendar.freezeIn(start, end);
    if (freeze) return { freeze, calendar };
  }
  return null;
}

const freezeText = ({ summary, start, end }: Freeze, { name }: Calendar): string =>
  `the freeze "${summary.slice(0, 100)}" of ${name} (${iso(start)} to ${iso(end)})`;

const iso = (ms: number): string => new Date(ms).toISOString();
