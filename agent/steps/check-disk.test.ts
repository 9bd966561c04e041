import { afterAll, describe, expect, it } from 'vitest';
import { spaceAt } from '../platform/file-system.ts';
import { stepFixture } from '../testing/step-context.ts';
import { checkDisk } from './check-disk.ts';

const fixture = stepFixture('/tmp');
const { context } = fixture;
afterAll(fixture.close);

describe('check/disk', () => {
  it('says what is free and what is needed, also for a path that is not there yet', async () => {
    const done = await checkDisk({ needs: [{ path: '/not/there/yet', bytes: 1 }] }, context);
    const { mount } = spaceAt('/tmp');
    expect(done.message).toMatch(/free, 1 bytes are needed/);
    expect(done.facts).toMatchObject({ disks: [{ mount, needBytes: 1 }] });
  });

  it('adds up what is needed on one file system', async () => {
    const share = Math.ceil(spaceAt('/tmp').totalBytes * 0.6);
    const failed = checkDisk({ needs: ['/a', '/b'].map(path => ({ path, bytes: share })) }, context);
    await expect(failed).rejects.toThrow(/not enough space: .* bytes are missing/);
    await expect(failed).rejects.toMatchObject({ facts: { disks: [{ needBytes: 2 * share }] } });
  });
});
