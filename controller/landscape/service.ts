import { canonicalJson, type Json } from '@tidemark/shared/base/canonical-json.ts';
import type { Clock } from '@tidemark/shared/base/clock.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { invalidLandscape, type LandscapeError } from './errors.ts';
import type { Landscape, LandscapeContent } from './landscape.ts';
import type { LandscapeStore } from './ports.ts';
import { readLandscape } from './read.ts';

export interface ImportedLandscape {
  version: number;
  digest: string;
  /** How many of each. */
  hosts: number;
  components: number;
  clusters: number;
  /** The file says what was known: no new version was made. */
  unchanged: boolean;
}

export function createLandscape({ store, clock }: { store: LandscapeStore; clock: Clock }) {
  return {
    /** Replaces the landscape as a whole, or leaves it as it is. */
    async importLandscape(input: {
      text: string;
      fileName: string;
      by: string;
    }): Promise<Result<ImportedLandscape, LandscapeError>> {
      const read = readLandscape(input.text, input.fileName);
      if (!read.ok) return err(invalidLandscape(input.fileName, read.error));
      const content = read.value;
      const digest = digestOf(Buffer.from(canonicalJson(content as unknown as Json), 'utf8'));
      return store.transaction(async transaction => {
        const before = await transaction.currentLocked();
        if (before?.digest === digest) return ok({ ...counts(before), unchanged: true });
        const version = (before?.version ?? 0) + 1;
        const landscape = { ...content, version, digest, importedBy: input.by, importedAt: clock.now() };
        await transaction.add(landscape);
        await transaction.audit({
          actor: input.by,
          action: 'landscape.imported',
          subject: `landscape ${version}`,
          detail: { digest, file: input.fileName, hosts: content.hosts.length, components: content.components.length },
        });
        return ok({ ...counts(landscape), unchanged: false });
      });
    },

    /** The landscape as it is; null before the first import. */
    current: (): Promise<Landscape | null> => store.current(),
  };
}

const counts = ({ version, digest, ...content }: LandscapeContent & { version: number; digest: string }) => ({
  version,
  digest,
  hosts: content.hosts.length,
  components: content.components.length,
  clusters: content.clusters.length,
});
