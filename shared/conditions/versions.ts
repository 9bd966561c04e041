import type { Environment } from '@marcbachmann/cel-js';
import { ORDER_NAMES, ORDERS, type OrderName } from '../versions/ecosystems.ts';

/*
 * Versions in conditions: `deb(p.version) < deb("3.0.15-1")`. Each order is a type of its own, so that a version of dpkg is
 * never held against one of npm, or against a plain text: that is an error when the condition is read.
 */

type Compare = (a: string, b: string) => number | null;

abstract class Version {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Adds a function, a type and the comparisons for each order. */
export function registerVersions(environment: Environment): void {
  for (const name of ORDER_NAMES) {
    const compare: Compare = ORDERS[name];
    const type = typeOf(name);
    class Of extends Version {}
    environment.registerType(type, { ctor: Of, fields: {} });
    environment.registerFunction(`${name}(string): ${type}`, (text: string) => new Of(text));
    for (const [sign, holds] of COMPARISONS)
      environment.registerOperator(`${type} ${sign} ${type}`, (a: Version, b: Version) => {
        const order = compare(a.text, b.text);
        if (order === null) throw new Error(`${bad(compare, a.text, b.text)} is no version of ${name}`);
        return holds(order);
      });
  }
}

const COMPARISONS: readonly (readonly [string, (order: number) => boolean])[] = [
  ['<', order => order < 0],
  ['<=', order => order <= 0],
  ['>', order => order > 0],
  ['>=', order => order >= 0],
  ['==', order => order === 0],
];

/** The name of the type as messages have it: `deb-version` could not be registered. */
const typeOf = (name: OrderName): string => `${name}_version`;

const bad = (compare: Compare, a: string, b: string): string =>
  JSON.stringify((compare(a, a) === null ? a : b).slice(0, 100));

/** What to write where a version is compared with something else; null where the message is about other types. */
export function versionHint(message: string): string | null {
  const name = ORDER_NAMES.find(each => message.includes(typeOf(each)));
  return name === undefined ? null : `a version is compared with one of its own kind, like ${name}("1.2-3")`;
}
