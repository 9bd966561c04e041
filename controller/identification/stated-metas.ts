import { WITH_CAPABILITIES } from '../harvest/file-list.ts';
import type { ScannedFile } from './scan-list.ts';
import { keyOfStated, type StatedMeta, saysNothing } from './stated-meta.ts';

/** What packages say of who may do what with a file, as numbers: those of a fleet have some hundred of these. */
export class StatedMetas {
  readonly #all: (StatedMeta | null)[] = [null];
  readonly #byKey = new Map<string, number>();

  /** 0 where nothing is said. */
  numberOf(stated: StatedMeta): number {
    if (saysNothing(stated)) return 0;
    const key = keyOfStated(stated);
    const at = this.#byKey.get(key) ?? this.#all.length;
    if (at === this.#all.length) {
      this.#all.push(stated);
      this.#byKey.set(key, at);
    }
    return at;
  }

  get = (number: number): StatedMeta | null => this.#all[number] ?? null;
}

/** Metas of the files of one list: each combination is looked up once. */
export class StatedOfList {
  names: readonly string[] = [];
  readonly #known = new Map<number, number>();
  readonly #metas: StatedMetas;

  constructor(metas: StatedMetas) {
    this.#metas = metas;
  }

  of(file: ScannedFile): number {
    const { mode, owner, group } = file;
    if (file.capabilitiesBytes > 0) return this.#metas.numberOf(this.#statedBy(file));
    const key = (mode * (this.names.length + 1) + owner) * (this.names.length + 1) + group;
    let at = this.#known.get(key);
    if (at === undefined) {
      at = this.#metas.numberOf(this.#statedBy(file));
      this.#known.set(key, at);
    }
    return at;
  }

  #statedBy({ bytes, mode, owner, group, capabilitiesAt, capabilitiesBytes }: ScannedFile): StatedMeta {
    const plainMode = mode & (WITH_CAPABILITIES - 1);
    const nameAt = (at: number) => this.names[at - 1] ?? null;
    return {
      mode: plainMode === 0 ? null : plainMode - 1,
      owner: nameAt(owner),
      group: nameAt(group),
      capabilities:
        mode >= WITH_CAPABILITIES ? bytes.toString('latin1', capabilitiesAt, capabilitiesAt + capabilitiesBytes) : null,
    };
  }
}
