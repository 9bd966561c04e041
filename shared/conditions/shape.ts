import { z } from 'zod';
import type { Fields, Types } from './names.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** What conditions can ask of things of a certain shape. */
export interface Shape {
  /** Those that others name come first. */
  types: Types;
  fields: Fields;
}

/**
 * The CEL types of the members of a thing, by their schemas. What may be null is of the type that it else has: a value that is
 * not there is no value, and nobody has to ask for it twice.
 */
export function shapeOf(members: Readonly<Record<string, z.ZodType>>, name: string): Shape {
  const types: Record<string, Fields> = {};
  const fields: Record<string, string> = {};
  for (const [key, schema] of Object.entries(members))
    fields[key] = typeOf(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }), `${name}_${key}`, types);
  return { types, fields };
}

function typeOf(schema: Schema, name: string, types: Record<string, Fields>): string {
  const choices = (schema.anyOf ?? []).filter(isSchema).filter(({ type }) => type !== 'null');
  if (choices.length === 1 && choices[0]) return typeOf(choices[0], name, types);
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'array':
      return isSchema(schema.items) ? `list<${typeOf(schema.items, `${name}_item`, types)}>` : 'list<dyn>';
    case 'object':
      return objectOf(schema, name, types);
    default:
      return 'dyn';
  }
}

function objectOf({ properties, additionalProperties }: Schema, name: string, types: Record<string, Fields>): string {
  if (!properties)
    return `map<string, ${isSchema(additionalProperties) ? typeOf(additionalProperties, `${name}_value`, types) : 'dyn'}>`;
  const own = Object.entries(properties).map(([key, schema]) => [
    key,
    isSchema(schema) ? typeOf(schema, `${name}_${key}`, types) : 'dyn',
  ]);
  types[name] = Object.fromEntries(own);
  return name;
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
