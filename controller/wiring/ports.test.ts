import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listenProblem, portProblems } from './ports.ts';

const coded = (code: string) => Object.assign(new Error(code), { code });

describe('where the controller listens', () => {
  it('is no problem where nobody does, and lets it do so afterwards', async () => {
    const anywhere = { host: '127.0.0.1', port: 0 };
    expect(await portProblems({ api: anywhere, link: anywhere, enrolment: anywhere })).toEqual([]);
  });

  it('names every address that is taken, with the setting to change', async () => {
    const other = createServer();
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
    const taken = { host: '127.0.0.1', port: (other.address() as { port: number }).port };
    const free = { host: '127.0.0.1', port: 0 };
    const problems = await portProblems({ api: taken, link: free, enrolment: taken });
    await new Promise(resolve => other.close(resolve));
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain(`127.0.0.1:${taken.port} (apiListen): another program listens there`);
    expect(problems[1]).toContain('set enrolListen to another port');
  });

  it.each([
    ['EACCES', 'Set apiListen to a port above 1023'],
    ['EADDRNOTAVAIL', 'or to 0.0.0.0:443 for all'],
    ['EMFILE', 'EMFILE. Set apiListen to another address'],
  ])('says what to do about %s', (code, advice) => {
    expect(listenProblem('apiListen', { host: '::1', port: 443 }, coded(code))).toMatch(
      /^cannot listen on \[::1\]:443/,
    );
    expect(listenProblem('apiListen', { host: '::1', port: 443 }, coded(code))).toContain(advice);
  });
});
