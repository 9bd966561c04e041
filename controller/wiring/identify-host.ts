import { err, ok } from '@tidemark/shared/base/result.ts';
import type { Services } from '../api/services.ts';
import type { createIdentification } from '../identification/service.ts';
import type { createLandscape } from '../landscape/service.ts';
import type { Verification } from '../verification/service.ts';

interface Knowing {
  verification: Verification;
  identification: ReturnType<typeof createIdentification>;
  landscape: ReturnType<typeof createLandscape>;
}

/**
 * What is on hosts, as both parts that know something of it say: verification of the releases that Tidemark installs, in the
 * directories that the landscape names, and identification of all that is known from packages.
 */
export function identifyHosts({ verification, identification, landscape }: Knowing): Services['identification'] {
  return {
    identify: async name => {
      const releases = await verification.identify(name);
      if (!releases.ok) return releases;
      const { host, fingerprint, scannedAt, products } = releases.value;
      const found = await verification.reading(() =>
        identification.identify(
          fingerprint,
          products.map(({ home }) => home),
        ),
      );
      if (!found.ok) return found;
      if (!found.value)
        return err({
          code: 'no-fingerprint',
          message: `the fingerprint of ${name} was forgotten meanwhile: ask again`,
        });
      const {
        programs,
        products: packages,
        host: _,
        fingerprint: __,
        scannedAt: packagesScannedAt,
        ...rest
      } = found.value;
      const { explained, files, bytes, configurationBytes } = programs;
      const ofReleases = products.map(product => product.programs);
      const byTier = { ...explained, operator: explained.operator + sum(ofReleases.map(each => each.explainedBytes)) };
      return ok({
        host,
        fingerprint,
        scannedAt,
        products: products.map(({ programs: _, ...product }) => product),
        ...rest,
        programs: {
          files: files + sum(ofReleases.map(each => each.files)),
          bytes: bytes + sum(ofReleases.map(each => each.bytes)),
          explainedBytes: sum(Object.values(byTier)),
          byTier,
          configurationBytes,
        },
        packages,
        packagesScannedAt,
      });
    },
    owners: of => identification.owners(of),
    versions: async product => {
      const { known, hosts } = await identification.versions(product);
      const components = (await landscape.current())?.components ?? [];
      const installedOn = [
        ...new Set(components.flatMap(each => (each.product === product && each.home !== null ? [each.host] : []))),
      ];
      for (const host of installedOn) {
        const releases = await verification.identify(host);
        for (const release of releases.ok ? releases.value.products : []) {
          if (release.product !== product) continue;
          const { versions, complete, sentence } = release;
          const state = complete ? ('complete' as const) : ('partial' as const);
          const { scannedAt } = releases.ok ? releases.value : { scannedAt: 0 };
          hosts.push({ host, scannedAt, state, versions, registered: null, tier: 'operator', sentence });
        }
      }
      return { product, known, hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0)) };
    },
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
