import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, digestToBytes } from '@tidemark/shared/base/digest.ts';
import { afterAll, describe, expect, it } from 'vitest';
import { artifactsIn } from './artifact-files.ts';
import type { Caller } from './ports.ts';

const directory = mkdtempSync(join(tmpdir(), 'tidemark-artifacts-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const caller: Caller = { hostId: 'h', hostName: 'db01', serial: '1', notAfterMs: 0 };
const nameOf = (text: string) => digestToBytes(digestOf(Buffer.from(text))).toString('hex');

describe('an artifact among the files', () => {
  it('is found by its digest, with its size', async () => {
    writeFileSync(join(directory, nameOf('abc')), 'abc');
    const found = await artifactsIn(directory)(digestOf(Buffer.from('abc')), caller);
    expect(found).toEqual({ file: join(directory, nameOf('abc')), bytes: 3 });
  });

  it('is none where there is no file, or something else under its name', async () => {
    mkdirSync(join(directory, nameOf('directory')));
    for (const text of ['unknown', 'directory'])
      expect(await artifactsIn(directory)(digestOf(Buffer.from(text)), caller)).toBeNull();
  });
});
