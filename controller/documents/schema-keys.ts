import type { z } from 'zod';

/** The parts of a schema's definition that are walked here; zod gives each kind of schema some of them. */
interface Definition {
  type: string;
  shape?: Record<string, z.core.$ZodType>;
  element?: z.core.$ZodType;
  innerType?: z.core.$ZodType;
  valueType?: z.core.$ZodType;
  options?: readonly z.core.$ZodType[];
  in?: z.core.$ZodType;
  getter?: () => z.core.$ZodType;
}

/** The keys that objects at this path may have; of a union, those of all its alternatives. */
export function knownKeysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let here = alternatives(schema);
  for (const part of path) here = here.flatMap(option => descend(option, part)).flatMap(alternatives);
  return [...new Set(here.flatMap(option => Object.keys(definition(option).shape ?? {})))];
}

const definition = (schema: z.core.$ZodType) => schema._zod.def as Definition;

function descend(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  const { shape, element, valueType } = definition(schema);
  const child = shape ? shape[String(part)] : (element ?? valueType);
  return child ? [child] : [];
}

/** Looks through optional, default, lazy and piped schemas and opens unions. */
function alternatives(schema: z.core.$ZodType): z.core.$ZodType[] {
  const { innerType, options, in: input, getter } = definition(schema);
  if (options) return options.flatMap(alternatives);
  const inner = innerType ?? input ?? getter?.();
  return inner ? alternatives(inner) : [schema];
}
