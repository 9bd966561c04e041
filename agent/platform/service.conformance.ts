import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServiceProblem, type ServiceProvider } from './service.ts';

/** A component under a service manager, and what only the manager's own world can do to it. */
export interface ServiceFixture {
  provider: ServiceProvider;
  /** Whether the component's process is really there, found out without the provider. */
  isRunning(): boolean | Promise<boolean>;
  /** How often its start and stop were carried out. */
  count(what: 'start' | 'stop'): number;
  /** From now on starting ends with status 1 after the line `cannot bind`. */
  breakStart(): void | Promise<void>;
  /** From now on it does not react to being stopped, though the manager may say it did. */
  ignoreStop(): void | Promise<void>;
  /** From now on nobody can say whether it runs. */
  breakStatus(): void | Promise<void>;
  close(): Promise<void>;
}

const WAIT_MS = 5_000;

/** What every service provider does, whatever it manages services with. */
export function serviceProviderConformance(name: string, make: () => Promise<ServiceFixture>): void {
  describe(`the ${name} service provider`, () => {
    let fixture: ServiceFixture;
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(() => fixture.close());

    it('starts a component and returns once it is up', async () => {
      expect(await fixture.provider.status()).toBe('down');
      expect(await fixture.provider.start(WAIT_MS)).toMatchObject({ changed: true });
      expect(await fixture.isRunning()).toBe(true);
      expect(await fixture.provider.status()).toBe('up');
    });

    it('stops a component and returns once it is down', async () => {
      await fixture.provider.start(WAIT_MS);
      expect(await fixture.provider.stop(WAIT_MS)).toMatchObject({ changed: true });
      expect(await fixture.isRunning()).toBe(false);
      expect(await fixture.provider.status()).toBe('down');
    });

    it('does nothing where it is so already', async () => {
      expect(await fixture.provider.stop(WAIT_MS)).toMatchObject({ changed: false });
      await fixture.provider.start(WAIT_MS);
      expect(await fixture.provider.start(WAIT_MS)).toMatchObject({ changed: false });
      expect([fixture.count('start'), fixture.count('stop')]).toEqual([1, 0]);
    });

    it('names the command, its status and its last line where a start fails', async () => {
      await fixture.breakStart();
      const problem = await fixture.provider.start(WAIT_MS).catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(ServiceProblem);
      expect((problem as Error).message).toMatch(/start.*exit status 1.*cannot bind/);
      expect(await fixture.provider.status()).toBe('down');
    });

    it('says so where a stop leaves the component up', async () => {
      await fixture.provider.start(WAIT_MS);
      await fixture.ignoreStop();
      await expect(fixture.provider.stop(300)).rejects.toThrow(/still not down/);
      expect(await fixture.isRunning()).toBe(true);
      // Some can tell that it is on its way down; none may take it for down.
      expect(await fixture.provider.status().catch(() => 'neither')).not.toBe('down');
    });

    it('restarts a component: one that is up ends and comes up anew, one that is down comes up', async () => {
      expect(await fixture.provider.restart(WAIT_MS)).toMatchObject({ changed: true });
      expect(await fixture.isRunning()).toBe(true);
      expect(await fixture.provider.restart(WAIT_MS)).toMatchObject({ changed: true });
      expect(await fixture.isRunning()).toBe(true);
      expect(await fixture.provider.status()).toBe('up');
      expect([fixture.count('start'), fixture.count('stop')]).toEqual([2, 1]);
    });

    it('says so where a component that is down, or that cannot, is to be reloaded', async () => {
      await expect(fixture.provider.reload(WAIT_MS)).rejects.toThrow(/start it|restart it|nothing was reloaded/);
    });

    it('says so where nobody can tell whether it runs', async () => {
      await fixture.breakStatus();
      await expect(fixture.provider.status()).rejects.toThrow(ServiceProblem);
    });
  });
}
