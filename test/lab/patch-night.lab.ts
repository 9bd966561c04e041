import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabFleet } from './fleet.ts';
import { NEW_VERSION, OLD_VERSION, SHOP_HOSTS, setUpShop, shopPolicy } from './shop.ts';

const productOn = (host: string): string => `orders-${host.slice(0, -2)}`;

describe('1: a patch night over six servers, three tiers and a database pair', () => {
  let fleet: LabFleet;

  beforeAll(async () => {
    fleet = await LabFleet.start({ names: SHOP_HOSTS });
    await setUpShop(fleet);
  });

  afterAll(async () => {
    await fleet?.down();
  });

  it('brings every server onto the new release', async () => {
    for (const name of SHOP_HOSTS) expect(await version(name)).toBe(OLD_VERSION);
    await fleet.succeeds(await fleet.begin(shopPolicy()));
    for (const name of SHOP_HOSTS) {
      expect([name, await version(name)]).toEqual([name, NEW_VERSION]);
      expect(await fleet.cliOk('identify', name)).toContain(`${productOn(name)} ${NEW_VERSION}`);
    }
    expect(await fleet.incidents()).toEqual([]);
  });

  it('hands the database over, so that the pair has changed roles and has one active member', async () => {
    expect([await role('db01'), await role('db02')]).toEqual(['standby', 'active']);
  });

  it('leaves what it started running when its agent is stopped and started again', async () => {
    const web = fleet.host('web01');
    const pid = () => web.execOk(['cat', '/run/orders-web.pid']);
    const before = await pid();
    await web.execOk(['systemctl', 'restart', 'tidemark-agent']);
    expect(await version('web01')).toBe(NEW_VERSION);
    expect(await pid()).toBe(before);
  });

  /** What the component on this host answers on its port. */
  async function version(host: string): Promise<string> {
    const answer = await fleet.lab.atGateway(['curl', '-sf', `http://${fleet.host(host).address}:8080/health`]);
    return (JSON.parse(answer) as { version: string }).version;
  }

  async function role(host: string): Promise<string> {
    const answer = await fleet.lab.atGateway(['curl', '-sf', `http://${fleet.host(host).address}:8080/role`]);
    return (JSON.parse(answer) as { role: string }).role;
  }
});
