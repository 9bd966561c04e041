/*
 * The demo's users. They send requests all the time, go on to the next front when one does not answer, as a load
 * balancer does, and count.
 */

export interface Traffic {
  /** What was counted so far. */
  counts(): Counts;
  /** Sends no more; resolves when the last answer is in. */
  stop(): Promise<Counts>;
}

export interface Counts {
  answered: number;
  notAnswered: number;
  /** From the first request that was not answered to the next answer, longest first, in milliseconds. */
  outagesMs: number[];
  slowestMs: number;
  lastError: string | null;
}

export interface TrafficOptions {
  /** Tried one after the other for each request, beginning with another one each time. */
  urls: readonly string[];
  everyMs: number;
  timeoutMs: number;
}

export function startTraffic({ urls, everyMs, timeoutMs }: TrafficOptions): Traffic {
  let answered = 0;
  let notAnswered = 0;
  let slowestMs = 0;
  let lastError: string | null = null;
  let downSince: number | null = null;
  const outages: number[] = [];
  const pending = new Set<Promise<void>>();
  let turn = 0;

  const sendOne = async () => {
    const begun = performance.now();
    const error = await request(urls, turn++, timeoutMs);
    const now = performance.now();
    if (error === null) {
      answered++;
      slowestMs = Math.max(slowestMs, now - begun);
      if (downSince !== null && begun >= downSince) {
        outages.push(now - downSince);
        downSince = null;
      }
    } else {
      notAnswered++;
      lastError = error;
      downSince ??= begun;
    }
  };
  const timer = setInterval(() => {
    const one = sendOne().finally(() => pending.delete(one));
    pending.add(one);
  }, everyMs);

  const counts = (): Counts => {
    const open = downSince === null ? [] : [performance.now() - downSince];
    const outagesMs = [...outages, ...open].map(Math.round).sort((a, b) => b - a);
    return { answered, notAnswered, outagesMs, slowestMs: Math.round(slowestMs), lastError };
  };
  return {
    counts,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      return counts();
    },
  };
}

/** Null where one of the fronts answered; else why the last one did not. */
async function request(urls: readonly string[], turn: number, timeoutMs: number): Promise<string | null> {
  let why = 'there is nobody to ask';
  for (let index = 0; index < urls.length; index++) {
    const url = urls[(turn + index) % urls.length] ?? '';
    try {
      const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(timeoutMs) });
      const text = await response.text();
      if (response.ok) return null;
      why = `${url} answered ${response.status}: ${text.trim()}`;
    } catch (error) {
      why = `${url}: ${(error as Error).message}`;
    }
  }
  return why;
}
