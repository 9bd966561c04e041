import { describe, expect, it } from 'vitest';
import type { Landscape } from './landscape.ts';
import type { LandscapeStore } from './ports.ts';
import { createLandscape } from './service.ts';

/** All or nothing, in memory. */
function memory() {
  const state = { versions: [] as Landscape[], audited: [] as string[], auditFails: false };
  const store: LandscapeStore = {
    current: async () => state.versions.at(-1) ?? null,
    transaction: async work => {
      const before = structuredClone(state.versions);
      try {
        return await work({
          currentLocked: async () => state.versions.at(-1) ?? null,
          add: async landscape => void state.versions.push(landscape),
          audit: async ({ action, subject }) => {
            if (state.auditFails) throw new Error('the audit log cannot be written');
            state.audited.push(`${action} ${subject}`);
          },
        });
      } catch (error) {
        state.versions = before;
        throw error;
      }
    },
  };
  return { state, service: createLandscape({ store, clock: { now: () => 5, monotonic: () => 5 } }) };
}

const text = (names: string) => `apiVersion: tidemark/v1\nkind: Landscape\nhosts: [${names}]\n`;
const input = (names: string) => ({ text: text(names), fileName: 'landscape.yaml', by: 'ada' });

describe('importing a landscape', () => {
  it('makes version after version', async () => {
    const { service, state } = memory();
    expect(await service.importLandscape(input('{name: a}'))).toMatchObject({
      ok: true,
      value: { version: 1, hosts: 1 },
    });
    expect(await service.importLandscape(input('{name: a}, {name: b}'))).toMatchObject({
      value: { version: 2, hosts: 2 },
    });
    expect(await service.current()).toMatchObject({ version: 2, importedBy: 'ada', importedAt: 5 });
    expect(state.audited).toEqual(['landscape.imported landscape 1', 'landscape.imported landscape 2']);
  });

  it('makes no version of what was known, also in another order', async () => {
    const { service, state } = memory();
    await service.importLandscape(input('{name: a}, {name: b}'));
    expect(await service.importLandscape(input('{name: b}, {name: a}'))).toMatchObject({
      value: { version: 1, unchanged: true },
    });
    expect(state.versions).toHaveLength(1);
    expect(state.audited).toHaveLength(1);
  });

  it('changes nothing where the file has an error, and says where', async () => {
    const { service, state } = memory();
    await service.importLandscape(input('{name: a}'));
    const refused = await service.importLandscape(input('{name: b}, {nam: c}'));
    expect(refused).toMatchObject({
      ok: false,
      error: { code: 'landscape-invalid', details: [{ line: 3 }, { line: 3 }] },
    });
    expect(state.versions).toHaveLength(1);
  });

  it('changes nothing where the audit log cannot be written', async () => {
    const { service, state } = memory();
    state.auditFails = true;
    await expect(service.importLandscape(input('{name: a}'))).rejects.toThrow('audit');
    expect(await service.current()).toBeNull();
  });
});
