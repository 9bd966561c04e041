import { z } from 'zod';
import { PolicyFile } from './policy-schema.ts';
import { plannedKinds, withSchema } from './step-settings.ts';

/** A document in JSON Schema 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The policy file for editors: made of the very definitions that read it, so that it cannot say anything else. What `with`
 * takes depends on `uses` and is told for each kind. Editors apply it to YAML as to JSON.
 */
export function policySchema(): JsonSchema {
  const schema = z.toJSONSchema(PolicyFile, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // Steps are known by these two keys; the schema of a change of a standard step has no `uses`.
      const { shape } = zodSchema._zod.def as { shape?: Record<string, unknown> };
      if (shape && 'uses' in shape && 'id' in shape) jsonSchema.allOf = plannedKinds.map(withOf);
    },
  });
  return { $id: 'https://tidemark.invalid/policy.schema.json', title: 'Tidemark policy', ...schema };
}

const withOf = (kind: (typeof plannedKinds)[number]) => {
  const { $schema: _, ...args } = z.toJSONSchema(withSchema(kind), { io: 'input', unrepresentable: 'any' });
  return {
    if: { properties: { uses: { const: kind } }, required: ['uses'] },
    // biome-ignore lint/suspicious/noThenProperty: the word of JSON Schema; nothing awaits it.
    then: { properties: { with: args } },
  };
};
