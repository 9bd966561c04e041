import { type FileSystemSpace, showBytes, spaceAt } from '../platform/file-system.ts';
import { type Executor, report, StepFailed } from './executor.ts';

/** What is asked of paths on one file system is asked of it together. */
export const checkDisk: Executor<'check/disk'> = async ({ needs }, context) => {
  const byDevice = new Map<number, FileSystemSpace & { needBytes: number }>();
  for (const { path, bytes } of needs) {
    const space = spaceAt(context.resolve(path));
    const known = byDevice.get(space.device);
    if (known) known.needBytes += bytes;
    else byDevice.set(space.device, { ...space, needBytes: bytes });
  }
  const found = [...byDevice.values()].map(({ mount, freeBytes, needBytes }) => ({ mount, freeBytes, needBytes }));
  const short = found.filter(({ freeBytes, needBytes }) => freeBytes < needBytes);
  if (short.length > 0) {
    const each = short.map(
      ({ mount, freeBytes, needBytes }) =>
        `${mount} has ${showBytes(freeBytes)} free and needs ${showBytes(needBytes)} (${needBytes - freeBytes} bytes are missing)`,
    );
    throw new StepFailed(`not enough space: ${each.join('; ')}; free some and try again`, { disks: found });
  }
  const each = found.map(
    ({ mount, freeBytes, needBytes }) =>
      `${mount} has ${showBytes(freeBytes)} free, ${showBytes(needBytes)} are needed`,
  );
  return report(each.join('; '), { disks: found });
};
