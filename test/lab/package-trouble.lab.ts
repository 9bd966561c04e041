import { afterAll, beforeAll, describe } from 'vitest';
import { aptSource } from './base.ts';
import { LabFleet } from './fleet.ts';
import type { Host } from './host.ts';
import { brokenPackages } from './package-broken.ts';
import { demoLandscape, layOutDemo } from './package-host.ts';
import { killedAgents } from './package-killed-agents.ts';
import { surroundings } from './package-surroundings.ts';

/* What goes wrong while real packages are upgraded, in whole runs. Each scenario has hosts of its own. */

const PARTS = [brokenPackages, surroundings, killedAgents];
const names = PARTS.flatMap(part => part.names);

describe.concurrent('a night with packages and trouble', () => {
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await LabFleet.start({
      names,
      diskSizes: brokenPackages.diskSizes,
      async layOut(host: Host) {
        await layOutDemo(host);
        host.write('/etc/apt/sources.list', aptSource('updates') + aptSource('broken'));
        for (const part of PARTS) await part.layOut(host);
      },
    });
    await fleet.importLandscape(demoLandscape(names, surroundings.components));
    for (const part of PARTS) await part.setUp(fleet);
  });

  afterAll(() => fleet?.down());

  for (const part of PARTS) part.scenarios(() => fleet);
});
