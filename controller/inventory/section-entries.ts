/* The content of a section as things with fields, so that two contents can be compared thing by thing. Pure. */

export type Entries = Map<string, Readonly<Record<string, string>>>;

type Fields = Readonly<Record<string, unknown>>;

/** By which fields a thing in a list is the same thing. */
const KEYS: Readonly<Record<string, (each: Fields) => string>> = {
  certificates: ({ path, serial }) => `${path} ${serial}`,
  containers: ({ runtime, name, id }) => `${runtime} ${name || id}`,
  cronJobs: ({ source, user, schedule, command }) => `${source}: ${schedule} ${user} ${command}`,
  disks: ({ name }) => `${name}`,
  holds: ({ hold }) => `${hold}`,
  interfaces: ({ name }) => `${name}`,
  libraries: ({ path, name }) => `${name} in ${path}`,
  mounts: ({ mount }) => `${mount}`,
  peers: ({ address, port, process }) => `${process || 'a process'} -> ${address}:${port}`,
  sockets: ({ protocol, address, port }) => `${protocol} ${address}:${port}`,
  timers: ({ unit }) => `${unit}`,
  users: ({ name }) => `${name}`,
};
/** Fields that the key holds already, or that nobody reads. */
const UNSAID: ReadonlySet<string> = new Set(['name', 'mount', 'unit', 'address', 'port', 'path', 'protocol', 'id']);
/** Of one value. */
const MAX_CHARACTERS = 200;

export function entriesIn(kind: string, content: unknown): Entries {
  if (kind === 'packages') return packageEntries(content);
  if (kind === 'updates') return listed((content as Fields)['available'], ({ name }) => `${name}`, ['version']);
  if (Array.isArray(content))
    return listed(content, KEYS[kind] ?? (each => JSON.stringify(each).slice(0, MAX_CHARACTERS)));
  if (!isObject(content)) return new Map([['', { value: said(content) }]]);
  return new Map(
    Object.entries(content).map(([name, value]) => [name, isObject(value) ? fieldsOf(value) : { value: said(value) }]),
  );
}

/** A package that is there in several versions is one thing with several. */
function packageEntries(content: unknown): Entries {
  const installed = (content as Fields)['installed'];
  const own = (content as Fields)['architecture'];
  const byName = Map.groupBy(Array.isArray(installed) ? installed.filter(isObject) : [], ({ name, architecture }) =>
    architecture === own || architecture === 'all' || architecture === 'noarch' ? `${name}` : `${name}:${architecture}`,
  );
  return new Map(
    [...byName].map(([name, all]) => {
      const states = all.map(({ state }) => `${state}`).filter(state => state !== 'installed');
      return [
        name,
        {
          version: all.map(({ version }) => `${version}`).join(' and '),
          ...(all.some(({ held }) => held === true) && { held: 'yes' }),
          ...(states.length > 0 && { state: states.join(' and ') }),
        },
      ];
    }),
  );
}

function listed(content: unknown, keyOf: (each: Fields) => string, only?: readonly string[]): Entries {
  const entries: Entries = new Map();
  for (const each of Array.isArray(content) ? content : []) {
    if (!isObject(each)) entries.set(said(each), {});
    else entries.set(keyOf(each).slice(0, MAX_CHARACTERS), fieldsOf(each, only));
  }
  return entries;
}

const fieldsOf = (value: Fields, only?: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => (only ? only.includes(name) : !UNSAID.has(name)))
      .map(([name, field]) => [name, said(field)]),
  );

function said(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}...` : text;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
