import { askFor } from './asking.ts';
import { type ClusterBar, clusterBar } from './clusters.ts';
import { type HostPicture, type Picture, pictureAt, standsBeforeTouch } from './picture.ts';
import { roleCheck } from './roles.ts';
import type { Action } from './snapshot.ts';

/*
 * Between a host's start and the first job that takes something out of service lie its preparations: checks, downloads, a
 * backup, which may take an hour. Whether a member of a cluster may go is therefore asked twice: before it begins, and again
 * when it stands before that job.
 */

/** Why a member of a cluster that is prepared may not be touched yet; `passes` where that may change by itself. */
export interface TouchWait {
  text: string;
  passes: boolean;
  actions: readonly Action[];
}

/** Null where nothing speaks against it, or it does not stand there. */
export function touchWait(picture: Picture, host: HostPicture): TouchWait | null {
  if (!standsBeforeTouch(host)) return null;
  const unit = picture.snapshot.plan.units[host.plan.unit];
  const bar = clusterBar(
    picture,
    (unit?.hosts ?? [host.index]).map(index => pictureAt(picture, index)),
  );
  if (bar !== null) return { text: bar.text, passes: bar.passes, actions: barActions(picture, bar) };
  const { wait, actions } = roleCheck(picture, [host]);
  return wait && { ...wait, actions };
}

/** Asks members that do not tell, and people about those that are no help although nobody is at work on them. */
export function barActions(picture: Picture, bar: ClusterBar): Action[] {
  const { incidents } = picture.snapshot;
  const actions: Action[] = [];
  if (bar.ill.length > 0 && !incidents.has(bar.key)) {
    actions.push({
      action: 'openIncident',
      key: bar.key,
      host: null,
      title: bar.text,
      detail:
        'Nothing begins on its other members until it is well again, or until the window no longer has room for them. ' +
        'Resolve this incident to give up those that wait for it.',
    });
  }
  for (const peer of bar.ask) actions.push(...askFor(picture, peer, peer.host.healthy));
  return actions;
}
