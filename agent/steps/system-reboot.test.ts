import { describe, expect, it } from 'vitest';
import type { RebootReason } from '../platform/reboot-need.ts';
import { StepFailed } from './executor.ts';
import type { Reboot, RebootLog } from './reboot-log.ts';
import { type RebootServer, reboot } from './system-reboot.ts';

/** The process ends with its server. */
class WentDown extends Error {}

const NEED: RebootReason = { source: 'marker', message: '/run/reboot-required is there' };

/** A server in memory, whose log outlives its boots. */
class FakeServer implements RebootServer, RebootLog {
  boots = 1;
  /** Boots after which it needs no more. */
  cleanAfter = 2;
  goesDown = true;
  refuses = false;
  asked = 0;
  clock = 1_000_000;
  uptime = 60_000;
  reboots: Reboot[] = [];

  read = () => structuredClone(this.reboots);
  write = (reboots: readonly Reboot[]) => {
    this.reboots = structuredClone([...reboots]);
  };
  bootId = () => `boot-${this.boots}`;
  kernel = () => `6.1.0-${this.boots}-amd64`;
  uptimeMs = () => this.uptime;
  now = () => this.clock;
  need = async () => {
    const required = this.boots < this.cleanAfter;
    return { required, reasons: required ? [NEED] : [] };
  };
  ask = async () => {
    this.asked += 1;
    if (this.refuses) throw new StepFailed('the server could not be asked to reboot: exit status 1');
  };
  endWithServer = () => undefined;
  sleep = async (milliseconds: number) => {
    this.uptime += milliseconds;
    this.clock += milliseconds;
    if (this.goesDown && this.asked > 0) this.boot();
  };

  boot(): never {
    this.boots += 1;
    this.asked = 0;
    this.clock += 30_000;
    this.uptime = 5_000;
    throw new WentDown();
  }

  /** As the executor does it: after each boot the step is started anew. */
  async run(args: Partial<Parameters<typeof reboot>[0]> = {}, step = '3 forward 1') {
    for (;;) {
      try {
        return await reboot({ when: 'needed', maxReboots: 3, downMs: 10_000, ...args }, step, this, this);
      } catch (error) {
        if (!(error instanceof WentDown)) throw error;
      }
    }
  }
}

describe('a reboot until clean', () => {
  it('does nothing where none is needed', async () => {
    const server = new FakeServer();
    server.cleanAfter = 0;
    expect((await server.run()).message).toBe('needs no reboot, and goes on in boot boot-1');
    expect(server.reboots).toEqual([]);
  });

  it('reboots once where that is enough, and says from which boot to which, how long, and which kernels', async () => {
    const server = new FakeServer();
    const { message, facts } = await server.run();
    expect(message).toMatch(
      /^rebooted in 30\.\d s: boot boot-1 -> boot-2, kernel 6\.1\.0-1-amd64 -> 6\.1\.0-2-amd64; needs no reboot any more$/,
    );
    expect(facts).toMatchObject({
      bootId: 'boot-2',
      required: false,
      reboots: [{ fromBootId: 'boot-1', toBootId: 'boot-2' }],
    });
  });

  it('reboots again where the first was not enough', async () => {
    const server = new FakeServer();
    server.cleanAfter = 3;
    expect((await server.run()).message).toMatch(/boot-1 -> boot-2.*boot-2 -> boot-3/);
  });

  it('is ready to end with the server before it asks: systemd ends all steps before the asking command has ended', async () => {
    const server = new FakeServer();
    const calls: string[] = [];
    const ask = server.ask;
    server.ask = async () => {
      calls.push('ask');
      await ask();
    };
    server.endWithServer = () => void calls.push('ready to end');
    await server.run();
    expect(calls.slice(0, 2)).toEqual(['ready to end', 'ask']);
  });

  it('always reboots once where it is to, and no more than that', async () => {
    const server = new FakeServer();
    server.cleanAfter = 0;
    expect((await server.run({ when: 'always' })).message).toMatch(/boot-1 -> boot-2/);
    expect(server.boots).toBe(2);
  });

  it('gives up at the limit of the order, with the reasons', async () => {
    const server = new FakeServer();
    server.cleanAfter = 99;
    await expect(server.run({ maxReboots: 2 })).rejects.toThrow(
      '2 reboots in this order are as many as it may have, and the server still needs one: /run/reboot-required is there',
    );
    expect(server.boots).toBe(3);
  });

  it('counts the reboots of earlier steps of the order', async () => {
    const server = new FakeServer();
    await server.run({}, '1 forward 1');
    server.cleanAfter = 99;
    await expect(server.run({ maxReboots: 2 }, '7 forward 1')).rejects.toThrow('2 reboots in this order');
  });

  it('takes no reboot of an earlier step for its own', async () => {
    const server = new FakeServer();
    await server.run({ when: 'always' }, '1 forward 1');
    expect((await server.run({ when: 'always' }, '7 forward 1')).message).toMatch(/boot-2 -> boot-3/);
  });
});

describe('a server that does not go down', () => {
  it('fails the step after its time, in the boot that it still is in', async () => {
    const server = new FakeServer();
    server.goesDown = false;
    await expect(server.run()).rejects.toThrow(/asked to reboot 10000 ms ago and is still up, in boot boot-1/);
    expect(server.reboots.at(-1)).toMatchObject({ gaveUp: true, back: null });
  });

  it('is not asked twice by one attempt: started anew, it waits for the rest of the time', async () => {
    const server = new FakeServer();
    server.goesDown = false;
    server.sleep = async () => {
      throw new WentDown();
    };
    const args = { when: 'needed' as const, maxReboots: 3, downMs: 10_000 };
    await expect(reboot(args, 'a', server, server)).rejects.toThrow(WentDown);
    await expect(reboot(args, 'a', server, server)).rejects.toThrow(WentDown);
    expect(server.asked).toBe(1);
    expect(server.reboots).toHaveLength(1);
  });

  it('is asked again by the next attempt', async () => {
    const server = new FakeServer();
    server.goesDown = false;
    await expect(server.run({}, 'a')).rejects.toThrow('still up');
    server.goesDown = true;
    expect((await server.run({}, 'b')).message).toMatch(/boot-1 -> boot-2/);
    // What never happened does not count.
    expect(server.reboots.filter(({ back }) => back)).toHaveLength(1);
  });

  it('that cannot even be asked says why', async () => {
    const server = new FakeServer();
    server.refuses = true;
    await expect(server.run()).rejects.toThrow('could not be asked to reboot');
    expect(server.reboots.at(-1)?.gaveUp).toBe(true);
  });
});

it('a clock that was set back in between leaves the time unknown', async () => {
  const server = new FakeServer();
  const boot = server.boot.bind(server);
  server.boot = () => {
    server.clock -= 3_600_000;
    return boot();
  };
  expect((await server.run()).message).toContain('in a time that is not known (the clock was set)');
});
