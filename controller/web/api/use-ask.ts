import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReplyOf, RouteName } from '@tidemark/controller/api/contract/routes.ts';
import { type AskError, ask, type MethodOf, type PathOf, type RequestFor } from './ask.ts';

interface AskOptions {
  /** Reads again after so long even where nobody says that it has changed, in milliseconds. */
  everyMs?: number;
  enabled?: boolean;
}

/**
 * What the controller answers to a question, read again whenever one of the topics has changed (`incidents`, `hosts`, `audit`,
 * `run:r12`). What was known stays on the screen while it is.
 */
export function useAsk<N extends RouteName>(
  name: N,
  path: PathOf<N>,
  request: RequestFor<N>,
  topics: readonly string[],
  { everyMs, enabled = true }: AskOptions = {},
) {
  return useQuery<ReplyOf<N>, AskError>({
    queryKey: [name, request],
    queryFn: ({ signal }) => ask<N>('GET' as MethodOf<N>, path, request, signal),
    meta: { topics },
    enabled,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  });
}

/** Something that changes something. Afterwards all that is on the screen is read again. */
export function useDo<N extends RouteName>(method: MethodOf<N>, path: PathOf<N>) {
  const client = useQueryClient();
  return useMutation<ReplyOf<N>, AskError, RequestFor<N>>({
    mutationFn: request => ask<N>(method, path, request),
    onSuccess: () => client.invalidateQueries(),
  });
}
