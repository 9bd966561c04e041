import { describe, expect, it } from 'vitest';
import { formatDocumentError } from '../documents/errors.ts';
import { readManifest } from './manifest.ts';

const read = (spec: string) => {
  const result = readManifest(`apiVersion: tidemark/v1\nkind: Bundle\nspec:\n${spec}`, 'nov.yaml');
  return result.ok ? result.value : result.error.map(formatDocumentError);
};

describe('a file that says what is in a bundle', () => {
  it('names packages as the command line does, with where they come from and what they answer', () => {
    expect(
      read(`  advisories: [CVE-2026-1]
  packages:
    - {package: "libssl3:amd64=3.0.15-1", source: http://mirror.example/debian bookworm, advisories: [DSA-5678-1]}
    - {package: rpm/bash=5.1-9}
`),
    ).toEqual({
      releases: [],
      packages: [
        {
          ...{ family: 'dpkg', name: 'libssl3', version: '3.0.15-1', architecture: 'amd64', sha256: null },
          ...{ source: 'http://mirror.example/debian bookworm', advisories: ['DSA-5678-1'] },
        },
        { family: 'rpm', name: 'bash', version: '5.1-9', architecture: null, sha256: null },
      ],
      advisories: ['CVE-2026-1'],
    });
  });

  it('says all that is wrong with it, and where', () => {
    const errors = read(`  packages:
    - {package: libssl3, advisories: []}
    - {package: bash=5, advisorys: [DSA-1]}
    - {package: zsh=5, advisories: ["DSA 1"]}
`);
    expect(errors).toEqual([
      expect.stringMatching(/^nov\.yaml:5:.*"libssl3" is no package/),
      expect.stringMatching(/^nov\.yaml:5:.*advisories/),
      expect.stringMatching(/^nov\.yaml:6:.*advisorys.*advisories/),
      expect.stringMatching(/^nov\.yaml:7:/),
    ]);
  });
});
