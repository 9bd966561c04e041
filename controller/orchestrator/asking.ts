import type { HostPicture, Picture } from './picture.ts';
import type { Action } from './snapshot.ts';

/*
 * Members of clusters are asked for facts until these tell what is wanted. An answer ends the question: when the facts are
 * old the next one begins anew, with all of its time.
 */

/** What the facts say of it; `is` is null where they do not tell. */
type Told = { is: unknown; observedAt: number } | null;

/** Asks the host now, where it is time to. */
export function askFor(picture: Picture, host: HostPicture, told: Told): Action[] {
  const { snapshot, now } = picture;
  const { factsAsked } = host.host;
  if (factsAsked !== null && now - factsAsked.last < snapshot.deadlines.factsRetryMs) return [];
  return [{ action: 'observeFacts', host: host.index, since: askedSince(picture, host, told) ?? now }];
}

/** It has been asked for so long that a person should look. */
export function isAskedInVain(picture: Picture, host: HostPicture, told: Told): boolean {
  const { snapshot, now } = picture;
  const { silenceMs, listeningSince } = snapshot.deadlines;
  const since = askedSince(picture, host, told);
  return since !== null && now - Math.max(since, listeningSince) > silenceMs;
}

/** Null where nothing is asked, or it has told since. A question that nobody has repeated for long is none any more. */
function askedSince({ snapshot, now }: Picture, { host: { factsAsked } }: HostPicture, told: Told): number | null {
  if (factsAsked === null || now - factsAsked.last > snapshot.deadlines.silenceMs) return null;
  return told !== null && told.is !== null && told.observedAt >= factsAsked.last ? null : factsAsked.first;
}
