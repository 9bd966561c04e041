import type { QueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';

const URL_OF_CHANGES = '/console/changes';
const NAME = 'tidemark-changes';
/** Reading again at most so often, however much happens. */
const READ_AGAIN_MS = 1_000;
/** After an error that the browser does not mend by itself. */
const TRY_AGAIN_MS = 5_000;

interface Word {
  /** What has been seen up to here: given back, the controller says what has changed since. */
  id: string;
  topics: string[];
}

let live = false;
const listeners = new Set<() => void>();
const setLive = (next: boolean): void => {
  live = next;
  for (const listener of listeners) listener();
};

/** Whether changes come by themselves just now. */
export const useLive = (): boolean =>
  useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => live,
  );

/**
 * Follows the changes: one stream a browser. Of its tabs the one that holds the lock listens and tells the others; one that
 * nobody looks at lets go of it. Gives what ends it.
 */
export function followChanges(client: QueryClient): () => void {
  const channel = new BroadcastChannel(NAME);
  const read = readAgain(client);
  let seen = '';
  let leading: AbortController | null = null;

  const hear = ({ id, topics }: Word): void => {
    seen = id;
    setLive(true);
    read(topics);
  };
  channel.onmessage = ({ data }: MessageEvent<Word>) => hear(data);

  const lead = async (end: AbortSignal): Promise<void> => {
    while (!end.aborted) {
      await listen(seen, end, word => {
        hear(word);
        channel.postMessage(word);
      });
      if (!end.aborted) setLive(false);
      await pause(TRY_AGAIN_MS, end);
    }
  };
  const follow = (): void => {
    if (document.hidden) {
      leading?.abort();
      leading = null;
    } else if (leading === null) {
      const mine = new AbortController();
      leading = mine;
      // Whoever does not get the lock hears the one that has it.
      if (seen !== '') setLive(true);
      navigator.locks.request(NAME, { signal: mine.signal }, () => lead(mine.signal)).catch(() => {});
    }
  };
  document.addEventListener('visibilitychange', follow);
  follow();
  return () => {
    document.removeEventListener('visibilitychange', follow);
    leading?.abort();
    channel.close();
  };
}

/** Ends with the signal, or where the stream has ended for good. */
function listen(since: string, end: AbortSignal, hear: (word: Word) => void): Promise<void> {
  return new Promise(done => {
    const source = new EventSource(
      since === '' ? URL_OF_CHANGES : `${URL_OF_CHANGES}?since=${encodeURIComponent(since)}`,
    );
    const stop = (): void => {
      source.close();
      done();
    };
    end.addEventListener('abort', stop, { once: true });
    source.onmessage = ({ lastEventId, data }: MessageEvent<string>) =>
      hear({ id: lastEventId, topics: (JSON.parse(data) as { topics: string[] }).topics });
    source.onerror = () => {
      setLive(false);
      if (source.readyState === EventSource.CLOSED) stop();
    };
  });
}

const pause = (ms: number, end: AbortSignal): Promise<void> =>
  new Promise(done => {
    const timer = setTimeout(done, ms);
    end.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        done();
      },
      { once: true },
    );
  });

/** Collects topics and reads again what is about them: the first at once, what follows with it after a while. */
function readAgain(client: QueryClient): (topics: readonly string[]) => void {
  const waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = (): void => {
    timer = null;
    if (waiting.size === 0) return;
    const topics = new Set(waiting);
    waiting.clear();
    timer = setTimeout(flush, READ_AGAIN_MS);
    void client.invalidateQueries({
      predicate: ({ meta }) => ((meta?.['topics'] ?? []) as string[]).some(topic => isAbout(topic, topics)),
    });
  };
  return topics => {
    for (const topic of topics) waiting.add(topic);
    if (timer === null) flush();
  };
}

/** `run:` is about every run. */
const isAbout = (topic: string, changed: ReadonlySet<string>): boolean =>
  topic.endsWith(':') ? [...changed].some(each => each.startsWith(topic)) : changed.has(topic);
