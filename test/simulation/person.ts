import type { ControllerProcess } from './controller.ts';
import type { Engine } from './engine.ts';
import type { NightFate } from './faults.ts';
import type { Random } from './random.ts';
import type { MemoryDatabase } from './store/memory-store.ts';

const LOOK_MS = 60_000;

/** Whoever is on call: looks once a minute, reacts after a while, and now and then does something without need. */
export class Person {
  readonly #engine: Engine;
  readonly #database: MemoryDatabase;
  readonly #random: Random;
  readonly #reactsAfterMs: number;
  readonly #controllers: () => readonly ControllerProcess[];
  readonly #seen = new Set<string>();
  #knowsOfPause = false;

  constructor(options: {
    engine: Engine;
    database: MemoryDatabase;
    fate: NightFate;
    random: Random;
    controllers: () => readonly ControllerProcess[];
  }) {
    this.#engine = options.engine;
    this.#database = options.database;
    this.#random = options.random;
    this.#controllers = options.controllers;
    this.#reactsAfterMs = options.fate.personMs ?? 0;
    for (const { at, does } of options.fate.whims) this.#engine.at(at, () => this.#ask(does));
    if (options.fate.personMs !== null) this.#engine.every(LOOK_MS, () => this.#look());
  }

  #look(): void {
    const run = this.#database.run();
    if (run?.state === 'paused' && !this.#knowsOfPause) {
      this.#knowsOfPause = true;
      this.#engine.after(this.#reactsAfterMs, () => {
        this.#knowsOfPause = false;
        this.#ask('resume');
      });
    }
    for (const incident of this.#database.incidents()) {
      if (incident.state !== 'open' || this.#seen.has(incident.key)) continue;
      this.#seen.add(incident.key);
      // Half of them are left as they are: who decides by them must come to an end all the same.
      if (this.#random.chance(0.5)) continue;
      this.#engine.after(this.#reactsAfterMs, () => {
        if (this.#database.resolveIncident(incident.key))
          for (const controller of this.#controllers()) controller.wake();
      });
    }
  }

  #ask(what: 'pause' | 'resume' | 'stop'): void {
    const run = this.#database.run()?.id;
    const controller = this.#controllers().find(({ alive, isStalled }) => alive && !isStalled);
    if (run === undefined || !controller) return;
    controller.do(() => controller.orchestrator[what]({ run, by: 'olga', reason: 'simulated' }));
  }
}
