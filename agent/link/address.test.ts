import { describe, expect, it } from 'vitest';
import { parseAddress } from './address.ts';

describe('an address', () => {
  it.each([
    ['controller:7443', 'controller', 7443],
    ['controller.example.net:1', 'controller.example.net', 1],
    ['127.0.0.1:65535', '127.0.0.1', 65_535],
    ['[::1]:7443', '::1', 7443],
    [' controller:7443\n', 'controller', 7443],
  ])('is read: "%s"', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ ok: true, value: { host, port } });
  });

  it.each([
    '',
    'controller',
    'controller:',
    ':7443',
    'controller:0',
    'controller:65536',
    '::1:7443',
    'https://c:1',
    'a b:1',
  ])('is none: "%s"', text => {
    expect(parseAddress(text)).toEqual({ ok: false, error: expect.stringContaining('host:port') });
  });
});
