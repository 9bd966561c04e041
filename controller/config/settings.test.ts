import { describe, expect, it } from 'vitest';
import { fragmentOfEnvironment, fragmentOfFile, mergeFragments } from './fragments.ts';
import { settingsOf } from './settings.ts';

describe('the settings file', () => {
  it('names the line, the column and the nearest key for a key that is not known', () => {
    const read = fragmentOfFile('fleet: bank\napiListn: 127.0.0.1:1\n', 'controller.yaml');
    expect(read.ok).toBe(false);
    if (!read.ok) {
      expect(read.error[0]).toMatchObject({ file: 'controller.yaml', line: 2, column: 1 });
      expect(read.error[0]?.message).toContain('apiListen');
    }
  });

  it('may say nothing', () => {
    expect(fragmentOfFile('# fleet: bank\n\n', 'controller.yaml')).toEqual({ ok: true, value: {} });
  });
});

describe('the sources', () => {
  it('go over each other: command line over environment over file', () => {
    const environment = fragmentOfEnvironment({ TIDEMARK_FLEET: 'env', DATABASE_URL: 'postgres://env/db' });
    const merged = mergeFragments({ fleet: 'file', tickMs: 100, databaseUrl: 'postgres://file/db' }, environment, {
      fleet: 'flag',
    });
    expect(merged).toEqual({ fleet: 'flag', tickMs: 100, databaseUrl: 'postgres://env/db' });
  });
});

describe('settings', () => {
  const stateDir = '/var/lib/tidemark';

  it('listen on the loopback address unless somebody says otherwise', () => {
    const settings = settingsOf({ stateDir });
    expect(settings.ok && [settings.value.api.host, settings.value.link.host, settings.value.enrolment.host]).toEqual([
      '127.0.0.1',
      '127.0.0.1',
      '127.0.0.1',
    ]);
  });

  it.each([
    ['[::]:7443', { host: '::', port: 7443 }],
    ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
    ['patch.example.com:65535', { host: 'patch.example.com', port: 65_535 }],
  ])('take %s as a place to listen', (apiListen, expected) => {
    const settings = settingsOf({ stateDir, apiListen });
    expect(settings.ok && settings.value.api).toEqual(expected);
  });

  it.each([
    [{ apiListen: '127.0.0.1' }, 'apiListen'],
    [{ apiListen: '127.0.0.1:70000' }, 'apiListen'],
    [{ apiListen: '127.0.0.1:1', linkListen: '127.0.0.1:1' }, 'the same'],
    [{ fleet: 'Bank of X' }, 'fleet'],
    [{ stateDir: 'relative' }, 'stateDir'],
    [{ publicNames: ['not a name'] }, 'publicNames'],
    [{ databaseUrl: 'mysql://x' }, 'databaseUrl'],
    [{ tickMs: 1 }, 'tickMs'],
    [{ silenceMs: 29_999 }, 'silenceMs'],
    [{ gateNetworks: ['127.0.0.1'] }, 'gateNetworks'],
    [{ gateNetworks: ['127.0.0.1/33'] }, 'gateNetworks'],
    [{ gateNetworks: ['prometheus/32'] }, 'gateNetworks'],
    [{ repositoryNetworks: ['mirror'] }, 'repositoryNetworks'],
  ])('refuse %j and name the key', (fragment, word) => {
    const settings = settingsOf({ stateDir, ...fragment });
    expect(settings.ok).toBe(false);
    if (!settings.ok) expect(settings.error.join()).toContain(word);
  });

  it('say all that is wrong at once', () => {
    const settings = settingsOf({ stateDir: 'x', fleet: '', apiListen: ':' });
    expect(!settings.ok && settings.error).toHaveLength(3);
  });
});
