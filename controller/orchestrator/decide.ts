import { budgetActions } from './budgets.ts';
import { coverageActions, lapsedActions } from './coverage.ts';
import { endActions, giveUpActions } from './ending.ts';
import { failureActions } from './failures.ts';
import { marginActions } from './margin.ts';
import { Painter, type Picture, pictureOf } from './picture.ts';
import type { Action, RunSnapshot } from './snapshot.ts';
import { offerActions, releaseActions, startActions } from './starts.ts';
import { takeBackActions } from './taking-back.ts';
import { waveActions } from './waves.ts';

/**
 * What is to be done now. Pure and by level: the same snapshot and time give the same actions, nothing depends on
 * having seen an event, and once its actions have been applied it asks for nothing more.
 *
 * Rules come in the order of their weight. Where one of them speaks, those that follow wait for the next call, which
 * sees what it changed: nothing starts in the same breath in which a budget pauses the run.
 */
export const decide = (snapshot: RunSnapshot, now: number): Action[] => decideFrom(pictureOf(snapshot, now));

/** The same for a run that is decided again and again: what is unchanged is not looked at anew, see {@link Painter}. */
export function createDecider(): (snapshot: RunSnapshot, now: number) => Action[] {
  const painter = new Painter();
  return (snapshot, now) => decideFrom(painter.picture(snapshot, now));
}

function decideFrom(picture: Picture): Action[] {
  const failures = failureActions(picture);
  const budgets = budgetActions(picture);
  if (failures.length + budgets.length > 0) return [...unique(failures), ...budgets];
  const late = marginActions(picture);
  if (late.length > 0) return late;
  const uncovered = [...coverageActions(picture), ...lapsedActions(picture)];
  if (uncovered.length > 0) return uncovered;
  const givenUp = giveUpActions(picture);
  if (givenUp.length > 0) return givenUp;
  const back = takeBackActions(picture);
  if (back.actions.length > 0) return back.actions;
  if (back.waits) return [];
  const waves = waveActions(picture);
  if (waves.length > 0) return waves;
  const starts = startActions(picture);
  const actions = [...offerActions(picture), ...releaseActions(picture), ...starts.actions];
  return actions.length > 0 ? actions : unique(endActions(picture, starts.waits));
}

/** Two failures may hold the same peer: the first reason is kept. */
function unique(actions: readonly Action[]): Action[] {
  const seen = new Set<string>();
  return actions.filter(action => {
    const key =
      action.action === 'openIncident' ? action.key : `${action.action}:${'host' in action ? action.host : ''}`;
    if (action.action === 'resolveIncident') return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
