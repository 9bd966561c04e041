import type { Clock } from '@tidemark/shared/base/clock.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import type { LandscapeError } from './errors.ts';
import { type ComponentRef, refText } from './landscape.ts';
import type { SuggestionDecision, SuggestionStore } from './ports.ts';
import { noRecords } from './records.ts';
import type { ImportedLandscape, LandscapeService } from './service.ts';
import { type SeenHost, type Suggestion, suggestDependencies } from './suggest.ts';

/** Under this name stands what people accepted. */
const ACCEPTED_SOURCE = 'accepted';

export interface SuggestionsOptions {
  store: SuggestionStore;
  landscape: Pick<LandscapeService, 'current' | 'recordsFrom' | 'take'>;
  /** What agents see now. */
  seen: () => Promise<SeenHost[]>;
  clock: Pick<Clock, 'now'>;
}

/** Dependencies that agents saw and nobody wrote down. A person says what of it is one. */
export function createSuggestions({ store, landscape, seen, clock }: SuggestionsOptions) {
  const all = async (): Promise<(Suggestion & { decision: SuggestionDecision | null })[]> => {
    const current = await landscape.current();
    if (!current) return [];
    const decisions = new Map((await store.decisions()).map(decision => [decision.id, decision]));
    return suggestDependencies(current, await seen()).map(each => ({
      ...each,
      decision: decisions.get(each.id) ?? null,
    }));
  };
  const find = async (id: string): Promise<Result<Suggestion, LandscapeError>> => {
    const found = (await all()).find(each => each.id === id);
    if (found) return ok(found);
    return err({
      code: 'suggestion-unknown',
      message: `there is no suggestion ${id}: "tidemark landscape suggestions" lists those there are`,
    });
  };
  const decide = (
    suggestion: Suggestion,
    decision: SuggestionDecision['decision'],
    by: string,
    reason: string,
    ends?: ComponentRef[],
  ) => {
    const [from = refOf(suggestion.from), to = `${refOf(suggestion.to)}:${suggestion.to.port}`] =
      ends?.map(refText) ?? [];
    return store.decide({ id: suggestion.id, decision, from, to, by, at: clock.now(), reason });
  };

  return {
    /** Those that wait for a person; with `all` also those that were dismissed. */
    async list({ dismissed }: { dismissed: boolean }) {
      return (await all()).filter(({ decision }) => dismissed || decision?.decision !== 'dismissed');
    },

    /**
     * Makes a dependency of a suggestion. `from` and `to` name the components where they are not known; a component that
     * is not in the landscape is refused.
     */
    async accept(input: {
      id: string;
      from: string | null;
      to: string | null;
      reason: string;
      by: string;
    }): Promise<Result<ImportedLandscape, LandscapeError>> {
      const found = await find(input.id);
      if (!found.ok) return found;
      const { from, to } = found.value;
      const ends = [
        { host: from.host, name: input.from ?? from.component ?? '' },
        { host: to.host, name: input.to ?? to.component ?? '' },
      ] as const;
      const components = new Set((await landscape.current())?.components.map(refText));
      const missing = ends.find(end => !components.has(refText(end)));
      if (missing) {
        const what =
          missing.name === ''
            ? `which component on ${missing.host} it is is not known`
            : `there is no component ${refText(missing)}`;
        return err({
          code: 'suggestion-open',
          message: `${what}: name one that is in the landscape with --from or --to`,
        });
      }
      const records = await landscape.recordsFrom(ACCEPTED_SOURCE);
      const dependency = {
        from: ends[0],
        kind: 'uses' as const,
        to: ends[1],
        origin: `accepted by ${input.by}`,
        accepted: true,
      };
      const taken = await landscape.take({
        source: ACCEPTED_SOURCE,
        priority: 0,
        records: { ...noRecords(), dependencies: [...records.dependencies, dependency] },
        problems: [],
        by: input.by,
        preview: false,
        leaveOut: false,
        maxDrop: null,
      });
      if (taken.ok) await decide(found.value, 'accepted', input.by, input.reason, [...ends]);
      return taken;
    },

    async dismiss({
      id,
      reason,
      by,
    }: {
      id: string;
      reason: string;
      by: string;
    }): Promise<Result<Suggestion, LandscapeError>> {
      const found = await find(id);
      if (found.ok) await decide(found.value, 'dismissed', by, reason);
      return found;
    },
  };
}

const refOf = ({ component, process, host }: Suggestion['from']): string => `${component ?? process}@${host}`;
