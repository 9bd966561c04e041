import { describe, expect, it } from 'vitest';
import { heardVariables } from './own-environment.ts';

describe('variables that must not reach the agent', () => {
  it.each([
    ['NODE_OPTIONS', true],
    ['NODE_EXTRA_CA_CERTS', true],
    ['NODE_TLS_REJECT_UNAUTHORIZED', true],
    ['NODE_REDIRECT_WARNINGS', true],
    ['NODE_V8_COVERAGE', true],
    ['UV_THREADPOOL_SIZE', true],
    ['OPENSSL_CONF', true],
    ['SSL_CERT_FILE', true],
    ['PATH', false],
    ['LANG', false],
    ['MALLOC_ARENA_MAX', false],
    ['NOTIFY_SOCKET', false],
    ['MY_NODE_OPTIONS', false],
  ])('%s: %s', (name, heard) => {
    expect(heardVariables({ [name]: 'x' })).toEqual(heard ? [name] : []);
  });
});
