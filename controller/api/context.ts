import type { Readable } from 'node:stream';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import type { InputOf, OutputOf, RouteName } from './contract/routes.ts';
import type { Principal, Services } from './services.ts';
import type { UploadLimits } from './upload.ts';

/** What handlers work with. */
export interface ApiContext {
  services: Services;
  clock: Clock;
  uploads: UploadLimits;
  /** Comes back after so many milliseconds, or at once when the signal says that nobody waits any more. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** One request, validated and authorised. */
export interface Call<N extends RouteName> extends InputOf<N> {
  principal: Principal;
  /** The body of a route that takes bytes; empty for all others. */
  bytes: Readable;
  /** Aborted when the client has gone. */
  gone: AbortSignal;
}

export type Handler<N extends RouteName> = (call: Call<N>) => Promise<OutputOf<N>>;

export type Handlers = { [N in RouteName]: Handler<N> };
