import { expect, it } from 'vitest';
import { ScanProfile } from './profile.ts';
import { applicationProfile, LINUX_SERVER } from './profiles.ts';

it('the profiles that come with Tidemark fit the schema', () => {
  expect(ScanProfile.parse(LINUX_SERVER)).toEqual(LINUX_SERVER);
  const application = applicationProfile([{ path: '/opt/shop/', plane: 'software' }]);
  expect(ScanProfile.parse(application)).toEqual(application);
  expect(application.expect).toContainEqual({
    path: '/opt/shop/**/*.pid',
    how: 'generated',
    reason: 'the number of a process',
  });
});
