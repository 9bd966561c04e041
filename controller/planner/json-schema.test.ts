import { describe, expect, it } from 'vitest';
import { policySchema } from './json-schema.ts';
import { plannedKinds } from './step-settings.ts';

const text = JSON.stringify(policySchema());

describe('the schema for editors', () => {
  it('tells of each kind of step what it takes', () => {
    for (const kind of plannedKinds) expect(text).toContain(`{"const":"${kind}"}`);
  });

  it('refuses unknown keys, as the reader does', () => {
    const { properties } = policySchema() as { properties: { spec: { additionalProperties: boolean } } };
    expect(properties.spec.additionalProperties).toBe(false);
  });

  it('asks for nothing that has a default', () => {
    const { properties } = policySchema() as { properties: { spec: { required: string[] } } };
    expect(properties.spec.required.sort()).toEqual(['bundle', 'window']);
  });
});
