import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { ImportRefused, type SignatureError } from './errors.ts';
import { GivenFiles } from './given-files.ts';
import {
  type ImportedRepository,
  importRepository,
  type RepositoryDependencies,
  type RepositoryRequest,
} from './import-repository.ts';
import type { RepositoryFile, RepositorySource } from './ports.ts';
import type { Progress } from './repository-packages.ts';

/** An import of a repository, as whoever began it sees it. */
export interface ImportView extends Progress {
  id: string;
  name: string;
  /** Grows with every change. */
  sequence: number;
  /** Paths of files that whoever began it must give; empty where the controller gets them itself. */
  wanted: string[];
  /** Null while it goes on. */
  outcome: Result<ImportedRepository, SignatureError> | null;
}

export interface ImportsOptions extends Omit<RepositoryDependencies, 'source' | 'progress' | 'signal'> {
  /** Files from an address, as long as the signal allows. */
  sourceAt: (url: string, signal: AbortSignal) => RepositorySource;
  newId: () => string;
  /** Nobody looked for so long: nobody wants it any more. */
  abandonedMs?: number;
  /** What went wrong that is nobody's fault but ours. */
  onError: (error: unknown) => void;
}

/** Who began one looks every ten seconds. */
const ABANDONED_MS = 90_000;
/** Each keeps two cores busy. */
const MOST_AT_ONCE = 4;

interface Running {
  request: RepositoryRequest;
  progress: Progress;
  sequence: number;
  outcome: ImportView['outcome'];
  files: GivenFiles | null;
  end: AbortController;
  abandoned: NodeJS.Timeout;
  /** Files that are on their way here, however long that takes. */
  coming: number;
  waiting: Set<() => void>;
}

/**
 * Imports of repositories that go on. They are kept in memory alone: one that a restart of the controller ends is begun
 * anew, and finds what it has read.
 */
export function createImports({ sourceAt, newId, abandonedMs = ABANDONED_MS, onError, ...options }: ImportsOptions) {
  const imports = new Map<string, Running>();

  const changed = (running: Running) => {
    running.sequence += 1;
    for (const wake of running.waiting) wake();
    running.waiting.clear();
  };
  const looked = (id: string): Running | null => {
    const running = imports.get(id) ?? null;
    running?.abandoned.refresh();
    return running;
  };
  const finish = (running: Running, outcome: NonNullable<ImportView['outcome']>) => {
    if (running.outcome) return;
    running.outcome = outcome;
    running.end.abort(ENDED);
    running.files?.end(ENDED);
    changed(running);
  };

  async function begin({
    url,
    ...request
  }: RepositoryRequest & { url: string | null }): Promise<Result<ImportView, SignatureError>> {
    if ([...imports.values()].filter(({ outcome }) => outcome === null).length >= MOST_AT_ONCE)
      return err({ code: 'not-now', message: `${MOST_AT_ONCE} imports are going on: try again when one has ended` });
    const id = newId();
    const end = new AbortController();
    const running: Running = {
      request,
      progress: { stage: 'index', packages: 0, done: 0 },
      sequence: 0,
      outcome: null,
      files: url === null ? new GivenFiles(() => changed(running)) : null,
      end,
      abandoned: setTimeout(() => {
        if (running.coming > 0) {
          running.abandoned.refresh();
          return;
        }
        imports.delete(id);
        finish(
          running,
          err({ code: 'import-ended', message: `${request.name}: nobody asked for the import any more` }),
        );
      }, abandonedMs).unref(),
      coming: 0,
      waiting: new Set(),
    };
    imports.set(id, running);
    const dependencies = {
      ...options,
      source: running.files ?? sourceAt(url ?? '', end.signal),
      signal: end.signal,
      progress: (progress: Progress) => {
        running.progress = progress;
        changed(running);
      },
    };
    importRepository(request, dependencies).then(
      imported => finish(running, ok(imported)),
      error => {
        if (error instanceof ImportRefused) return finish(running, err({ code: error.code, message: error.message }));
        if (!running.outcome) onError(error);
        finish(running, err({ code: 'import-ended', message: `${request.name}: the import failed; the log says why` }));
      },
    );
    return ok(viewOf(id, running));
  }

  return {
    /** `url` is null where whoever begins it gives the files that are wanted. */
    begin,

    /** As it is once it is not as it was at `sequence`, or after the wait. */
    async look(
      id: string,
      sequence: number,
      wait: (signal: AbortSignal) => Promise<unknown>,
    ): Promise<ImportView | null> {
      const running = looked(id);
      if (!running) return null;
      if (running.sequence <= sequence && !running.outcome) {
        const woken = new AbortController();
        const wake = () => woken.abort();
        running.waiting.add(wake);
        await wait(woken.signal);
        running.waiting.delete(wake);
      }
      return viewOf(id, running);
    },

    /** A file that is wanted, as `bring` gives it to its argument; null where the repository has none at its path. */
    async give(
      id: string,
      path: string,
      bring: <T>(use: (file: RepositoryFile | null) => Promise<T>) => Promise<T>,
    ): Promise<Result<ImportView, SignatureError>> {
      const running = looked(id);
      if (!running) return err(unknown(id));
      running.coming += 1;
      try {
        const taken = await bring(async file => (await running.files?.give(path, file)) ?? false);
        if (!taken && !running.outcome)
          return err({ code: 'not-now', message: `${path} is no file that the import ${id} asks for now` });
        return ok(viewOf(id, running));
      } finally {
        running.coming -= 1;
        looked(id);
      }
    },

    /** Ends it; nothing of it is kept but what was read for the next attempt. */
    async end(id: string): Promise<ImportView | null> {
      const running = imports.get(id);
      if (!running) return null;
      clearTimeout(running.abandoned);
      imports.delete(id);
      finish(running, err({ code: 'import-ended', message: `${running.request.name}: the import was ended` }));
      return viewOf(id, running);
    },
  };
}

const ENDED = new ImportRefused('import-ended', 'the import was ended');

const unknown = (id: string): SignatureError => ({
  code: 'import-unknown',
  message: `there is no import ${id}: it was ended, or the controller began anew. Import again; what was read is not read again`,
});

const viewOf = (id: string, { request, progress, sequence, files, outcome }: Running): ImportView => ({
  id,
  name: request.name,
  ...progress,
  sequence,
  wanted: outcome ? [] : (files?.wanted ?? []),
  outcome,
});
