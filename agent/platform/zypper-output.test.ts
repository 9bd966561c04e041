import { describe, expect, it } from 'vitest';
import { parseLocks, parseSearch, parseSummary, parseUpdates, parseXmlErrors, ZYPPER_EXITS } from './zypper-output.ts';

/* As zypper 1.14 of Debian 12 said it. */

describe('the summary of a dry run', () => {
  it('has what comes', () => {
    const xml = `<install-summary download-size="11054" space-usage-diff="0" packages-to-change="2">
<to-upgrade>
<solvable type="package" name="demo-app" edition="1.1-1" arch="noarch" edition-old="1.0-1" arch-old="noarch" summary="demo-app">
<description>x</description></solvable>
<solvable type="package" name="demo-lib" edition="1.1-1" arch="noarch" edition-old="1.0-1" arch-old="noarch" summary="a &gt; b">
<description>x</description></solvable>
</to-upgrade>
</install-summary>`;
    expect(parseSummary(xml)).toEqual({
      planned: [
        { name: 'demo-app', architecture: 'noarch', version: '1.1-1' },
        { name: 'demo-lib', architecture: 'noarch', version: '1.1-1' },
      ],
      removals: [],
      downloadBytes: 11054,
      growsBytes: 0,
    });
  });

  it('has what goes', () => {
    const xml = `<install-summary download-size="0" space-usage-diff="-32" packages-to-change="2">
<to-remove>
<solvable type="package" name="demo-app" edition="1.0-1" arch="noarch" summary="demo-app">
<description>x</description></solvable>
</to-remove>
</install-summary>`;
    expect(parseSummary(xml)).toMatchObject({
      removals: [{ name: 'demo-app', from: '1.0-1', to: null }],
      growsBytes: 0,
    });
  });

  it('is not there where it would not begin', () => {
    const xml = `<stream>
<message type="info">&apos;demo-svc=9.9-9&apos; not found in package names. Trying capabilities.</message>
<message type="error">No provider of &apos;demo-svc=9.9-9&apos; found.</message>
</stream>`;
    expect(parseSummary(xml)).toBeNull();
    expect(parseXmlErrors(xml)).toBe("No provider of 'demo-svc=9.9-9' found.");
  });
});

it('reads updates and all versions of a package', () => {
  const updates =
    '<update kind="package" name="demo-app" edition="1.1-1" arch="noarch" edition-old="1.0-1"><summary>demo-app</summary></update>';
  expect([...parseUpdates(updates)]).toEqual([['demo-app', '1.1-1']]);
  const found = `<solvable status="installed" name="demo-svc" kind="package" edition="1.2-1" arch="noarch" repository="lab"/>
<solvable status="other-version" name="demo-svc" kind="package" edition="1.1-1" arch="noarch" repository="lab"/>`;
  expect(parseSearch(found).map(({ version }) => version)).toEqual(['1.2-1', '1.1-1']);
});

it('reads locks of whole packages only', () => {
  const text = `
type: package
match_type: glob
case_sensitive: on
solvable_name: demo-*

type: package
match_type: glob
case_sensitive: on
solvable_name: zsh
version: > 5

type: patch
match_type: glob
case_sensitive: on
solvable_name: some-patch
`;
  expect(parseLocks(text)).toEqual(['demo-*']);
});

it.each([
  [0, true],
  [4, false],
  [7, false],
  [8, false],
  [102, true],
  [104, false],
  [106, false],
  [107, true],
])('takes exit status %i for done: %s', (status, done) => {
  expect(ZYPPER_EXITS[status]?.done).toBe(done);
});
