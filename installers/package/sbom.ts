import { posix } from 'node:path';
import type { Lock } from './lock.ts';
import type { Release } from './release.ts';

/* What a program is made of, as a bill of materials in CycloneDX 1.6. Pure: the same inputs give the same text. */

export interface MadeOf {
  /** `tidemark-agent` */
  name: string;
  release: Release;
  /** Paths of sources below the root; those in a node_modules name the packages. */
  inputs: readonly string[];
  /** Packages that are in it as a whole, by their places in the lock file. */
  packages: readonly string[];
}

/** Gives the JSON text. Throws where the lock file lacks a package of which something is in the program. */
export function billOfMaterials({ name, release, inputs, packages }: MadeOf, lock: Lock): string {
  const keys = new Set([...inputs.flatMap(packageOf), ...packages]);
  const components = [...keys].sort().map(key => component(key, lock));
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(release.timeS * 1000).toISOString(),
      component: {
        type: 'application',
        'bom-ref': name,
        name,
        version: release.version,
        properties: [{ name: 'tidemark:commit', value: release.commit }],
      },
    },
    components,
    dependencies: [{ ref: name, dependsOn: components.map(each => each['bom-ref']) }],
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** `node_modules/a/node_modules/@b/c/lib/x.js` is of `node_modules/a/node_modules/@b/c`. */
function packageOf(input: string): string[] {
  const found = /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(posix.normalize(input));
  return found?.[1] ? [found[1]] : [];
}

function component(key: string, lock: Lock) {
  const locked = lock.packages[key];
  if (!locked?.version)
    throw new Error(`package-lock.json does not name ${key}, which is in the program: run npm install`);
  const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${locked.version}`;
  const [algorithm, digest] = (locked.integrity ?? '').split('-');
  return {
    type: 'library',
    'bom-ref': `${purl}#${key}`,
    name,
    version: locked.version,
    purl,
    ...(algorithm === 'sha512' && digest
      ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }
      : {}),
    ...(locked.license ? { licenses: [{ expression: locked.license }] } : {}),
  };
}
