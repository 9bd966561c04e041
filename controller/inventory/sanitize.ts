type Facts = Record<string, unknown>;

/**
 * Facts come from programs on servers and may hold anything that JSON can. Two things that JSON can and the database
 * cannot are replaced, so that one odd file name does not keep a server out of the inventory: NUL and half surrogates.
 */
export function sanitizeFacts(facts: Facts): Facts {
  return sanitize(facts) as Facts;
}

function sanitize(value: unknown): unknown {
  if (typeof value === 'string') return text(value);
  if (Array.isArray(value)) return value.map(sanitize);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [text(key), sanitize(member)]));
  return typeof value === 'number' && !Number.isFinite(value) ? null : value;
}

const text = (value: string): string => value.replaceAll('\0', '\uFFFD').toWellFormed();
