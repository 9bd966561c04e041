import { setTimeout as delay } from 'node:timers/promises';
import { err } from '@tidemark/shared/base/result.ts';
import { describe, expect, it } from 'vitest';
import { ImportRefused } from './errors.ts';
import { createImports } from './imports.ts';
import type { RepositoryFile, RepositorySource } from './ports.ts';

const NOTHING = async (): Promise<never> => {
  throw new Error('the test did not expect this');
};
const REQUEST = {
  name: 'mirror stable',
  kind: 'apt' as const,
  suite: 'stable',
  components: null,
  architectures: null,
  take: { of: 'all' as const },
  except: [],
  allowOlder: false,
  by: 'grace',
};
const FILE: RepositoryFile = { file: '/nowhere', bytes: 3, digest: `sha256:${'0'.repeat(64)}` };
const INDEX = 'dists/stable/InRelease';

/** Imports whose store is empty and whose reader finds every index wrong. */
function importsOf(
  more: { sourceAt?: (url: string, signal: AbortSignal) => RepositorySource; abandonedMs?: number } = {},
) {
  let count = 0;
  const errors: unknown[] = [];
  const imports = createImports({
    store: { keys: async () => [] } as never,
    reader: {
      package: NOTHING,
      keys: NOTHING,
      list: NOTHING,
      top: async ({ bytes }) => err({ code: 'not-sound', message: `${bytes} bytes are no index` }),
    },
    installed: async () => ({ architectures: [], versions: new Map() }),
    clock: { now: () => 0, monotonic: () => 0 },
    sourceAt: more.sourceAt ?? (() => ({ read: NOTHING })),
    newId: () => `i${++count}`,
    onError: error => errors.push(error),
    ...(more.abandonedMs === undefined ? {} : { abandonedMs: more.abandonedMs }),
  });
  const look = (id: string, since = -1) =>
    imports.look(id, since, signal => delay(5_000, null, { signal }).catch(() => 0));
  const give = (id: string, path: string, file: RepositoryFile | null) => imports.give(id, path, use => use(file));
  /** As it is at its end. */
  const outcome = async (id: string) => {
    for (let since = -1; ; ) {
      const found = await look(id, since);
      if (!found || found.outcome) return found?.outcome ?? null;
      since = found.sequence;
    }
  };
  return { ...imports, bring: imports.give, look, give, outcome, errors };
}

describe('an import whose files somebody brings', () => {
  it('says what it wants, one after the other, and what became of it', async () => {
    const { begin, look, give } = importsOf();
    const begun = await begin({ ...REQUEST, url: null });
    if (!begun.ok) throw new Error(begun.error.message);
    const { id } = begun.value;
    expect(await look(id)).toMatchObject({ name: 'mirror stable', stage: 'index', wanted: [INDEX], outcome: null });
    const lacking = await give(id, INDEX, null);
    expect(lacking.ok && lacking.value.wanted).toEqual(['dists/stable/Release.gpg']);
    const wrong = await give(id, 'dists/stable/Release', FILE);
    expect(!wrong.ok && wrong.error.message).toMatch(/no file that the import i1 asks for now/);
    await give(id, 'dists/stable/Release.gpg', null);
    expect((await look(id))?.outcome).toMatchObject({ ok: false, error: { code: 'index-unsigned' } });
  });

  it('takes no file that is longer than it may be', async () => {
    const { begin, look, give } = importsOf();
    const begun = await begin({ ...REQUEST, url: null });
    const id = begun.ok ? begun.value.id : '';
    await look(id);
    await give(id, INDEX, { ...FILE, bytes: 10 ** 9 });
    expect((await look(id))?.outcome).toMatchObject({ ok: false, error: { code: 'too-large' } });
  });

  it('comes back to who waits as soon as something has changed', async () => {
    const { begin, look, give, outcome } = importsOf();
    const begun = await begin({ ...REQUEST, url: null });
    const id = begun.ok ? begun.value.id : '';
    const now = await look(id);
    const waiting = look(id, now?.sequence);
    await give(id, INDEX, FILE);
    expect((await waiting)?.sequence).toBeGreaterThan(now?.sequence ?? 0);
    expect(await outcome(id)).toMatchObject({
      ok: false,
      error: { code: 'bad-index', message: 'mirror stable: InRelease: 3 bytes are no index' },
    });
  });
});

describe('an import', () => {
  const never: RepositorySource = { read: () => new Promise(() => undefined) };

  it('ends when somebody ends it, and is then not there', async () => {
    let aborted = false;
    const { begin, look, end } = importsOf({
      sourceAt: (_, signal) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return never;
      },
    });
    const begun = await begin({ ...REQUEST, url: 'http://mirror' });
    const id = begun.ok ? begun.value.id : '';
    expect(await end(id)).toMatchObject({ outcome: { ok: false, error: { code: 'import-ended' } } });
    expect(aborted).toBe(true);
    expect(await look(id)).toBeNull();
    expect(await end(id)).toBeNull();
  });

  it('ends when nobody looks any more, but not while a file is on its way', async () => {
    const { begin, look, bring } = importsOf({ abandonedMs: 60 });
    const [left, fed] = [await begin({ ...REQUEST, url: null }), await begin({ ...REQUEST, url: null })];
    const [first, second] = [left, fed].map(each => (each.ok ? each.value.id : ''));
    const coming = bring(second ?? '', INDEX, async use => {
      await delay(300);
      return use(null);
    });
    await delay(200);
    expect(await look(first ?? '')).toBeNull();
    expect((await coming).ok).toBe(true);
  });

  it('is one of four at a time', async () => {
    const { begin } = importsOf({ sourceAt: () => never });
    const codes = [];
    for (let at = 0; at < 5; at++) {
      const begun = await begin({ ...REQUEST, url: 'http://mirror' });
      codes.push(begun.ok ? 'begun' : begun.error.code);
    }
    expect(codes).toEqual(['begun', 'begun', 'begun', 'begun', 'not-now']);
  });

  it('that fails for reasons of ours says so, and the log says why', async () => {
    const broken = new Error('broken');
    const { begin, outcome, errors } = importsOf({ sourceAt: () => ({ read: () => Promise.reject(broken) }) });
    const begun = await begin({ ...REQUEST, url: 'http://mirror' });
    const id = begun.ok ? begun.value.id : '';
    expect(await outcome(id)).toMatchObject({ ok: false, error: { code: 'import-ended' } });
    expect(errors).toEqual([broken]);
  });

  it('that is refused says why', async () => {
    const refused = new ImportRefused('unreachable', 'no answer');
    const { begin, outcome, errors } = importsOf({ sourceAt: () => ({ read: () => Promise.reject(refused) }) });
    const begun = await begin({ ...REQUEST, url: 'http://mirror' });
    expect(await outcome(begun.ok ? begun.value.id : '')).toMatchObject({
      ok: false,
      error: { code: 'unreachable', message: 'no answer' },
    });
    expect(errors).toEqual([]);
  });
});
