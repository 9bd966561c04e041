import { err, ok, type Result } from '@tidemark/shared/base/result.ts';

/** Groups as `ansible-inventory --list` has them. */
export interface AnsibleInventory {
  groups: Map<string, { hosts: Set<string>; children: Set<string>; vars: Record<string, unknown> }>;
  hostvars: Map<string, Record<string, unknown>>;
}

/** `web[001:9999]` is no more than that; what goes beyond is a slip of the hand. */
const MAX_RANGE = 10_000;

export const emptyInventory = (): AnsibleInventory => ({ groups: new Map(), hostvars: new Map() });

export function groupOf({ groups }: AnsibleInventory, name: string) {
  const known = groups.get(name) ?? { hosts: new Set(), children: new Set(), vars: {} };
  groups.set(name, known);
  return known;
}

export function varsOf({ hostvars }: AnsibleInventory, host: string): Record<string, unknown> {
  const known = hostvars.get(host) ?? {};
  hostvars.set(host, known);
  return known;
}

/** A static inventory in its INI form: hosts with variables, ranges, `:children` and `:vars`. Why it is none, with the line. */
export function parseAnsibleIni(text: string): Result<AnsibleInventory, string> {
  const inventory = emptyInventory();
  let group = 'ungrouped';
  let kind = 'hosts';
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const refuse = (message: string) => err(`line ${index + 1}: ${message}`);
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const header = /^\[([^\]:]+)(?::(children|vars|hosts))?\]\s*(?:[#;].*)?$/.exec(line);
    if (header) {
      [group, kind] = [header[1] as string, header[2] ?? 'hosts'];
      groupOf(inventory, group);
    } else if (line.startsWith('[')) return refuse(`"${line.slice(0, 80)}" is no heading of a group`);
    else if (kind === 'children') groupOf(inventory, group).children.add(words(line)[0] ?? '');
    else if (kind === 'vars') {
      const [, name, value] = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
      if (name === undefined) return refuse('a variable is written NAME=VALUE');
      define(groupOf(inventory, group).vars, name, scalar(value ?? ''));
    } else {
      const [pattern = '', ...variables] = words(line);
      const hosts = expand(pattern);
      if (!hosts.ok) return refuse(hosts.error);
      for (const host of hosts.value) {
        groupOf(inventory, group).hosts.add(host);
        const vars = varsOf(inventory, host);
        for (const variable of variables) {
          const at = variable.indexOf('=');
          if (at < 1) return refuse(`"${variable.slice(0, 80)}" is no variable: they are written NAME=VALUE`);
          define(vars, variable.slice(0, at), scalar(variable.slice(at + 1)));
        }
      }
    }
  }
  return ok(inventory);
}

/** Also one that is called `__proto__`: an own key, which is refused later with its name. */
function define(vars: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(vars, name, { value, enumerable: true, configurable: true, writable: true });
}

/** By spaces, quotes kept together, to the first word that begins a comment. */
function words(line: string): string[] {
  const found = line.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const comment = found.findIndex(word => word.startsWith('#'));
  return comment < 0 ? found : found.slice(0, comment);
}

function scalar(text: string): unknown {
  const quoted = /^(["'])(.*)\1$/.exec(text);
  if (quoted) return quoted[2];
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  return { True: true, true: true, False: false, false: false }[text] ?? text;
}

/** `web[01:03].example.com` is three hosts, `db-[a:c]` as well. A port behind the name is no part of it. */
function expand(pattern: string): Result<string[], string> {
  const name = pattern.replace(/:\d{1,5}$/, '');
  const range = /^([^[\]]*)\[(\d+|[a-z]):(\d+|[a-z])(?::(\d+))?\]([^[\]]*)$/i.exec(name);
  if (!range) return name.includes('[') ? err(`"${name}" is no range: they are written web[01:20]`) : ok([name]);
  const [, before = '', from = '', to = '', step = '1', after = ''] = range;
  const isNumber = /^\d+$/.test(from);
  if (isNumber !== /^\d+$/.test(to)) return err(`"${name}" goes from a number to a letter`);
  const [first, last] = isNumber ? [Number(from), Number(to)] : [from.charCodeAt(0), to.charCodeAt(0)];
  const by = Number(step);
  if (by < 1 || last < first || (last - first) / by > MAX_RANGE)
    return err(`"${name}" is no range that ends within ${MAX_RANGE} hosts`);
  const hosts: string[] = [];
  for (let value = first; value <= last; value += by)
    hosts.push(`${before}${isNumber ? String(value).padStart(from.length, '0') : String.fromCharCode(value)}${after}`);
  return ok(hosts);
}
