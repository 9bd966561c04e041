import { describe, expect, it } from 'vitest';
import { releaseOf } from './release-name.ts';

describe('the release that a file name tells', () => {
  it.each([
    ['orders-web-1.4.1.tar.gz', 'orders-web', '1.4.1'],
    ['shop-2.tgz', 'shop', '2'],
    ['shop-v2.0-rc.1.tar.gz', 'shop', 'v2.0-rc.1'],
    ['log4j-2.17.1.tar.gz', 'log4j', '2.17.1'],
  ])('%s is %s %s', (file, product, version) => {
    expect(releaseOf(file, {})).toEqual({ ok: true, value: { product, version } });
  });

  it.each(['latest.tar.gz', 'shop-1.0.0.zip', '-1.0.tar.gz', '../x-1.0.tar.gz', ''])('%j tells none', file => {
    expect(releaseOf(file, {}).ok).toBe(false);
  });

  it('is what was said beside it, where something was', () => {
    expect(releaseOf('x.bin', { product: 'shop', version: '1' })).toEqual({
      ok: true,
      value: { product: 'shop', version: '1' },
    });
    expect(releaseOf('x.bin', { product: '../shop', version: '1' }).ok).toBe(false);
  });
});
