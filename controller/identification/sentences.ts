import { pathText } from '@tidemark/shared/fingerprint/path.ts';
import { compareDpkgVersions } from '@tidemark/shared/versions/dpkg.ts';
import type { FileException, IdentifiedProduct } from './records.ts';

/** As many paths as a sentence names; the exceptions list all. */
const NAMED_PATHS = 3;

const filesText = (count: number): string => (count === 1 ? '1 file' : `${count} files`);
const textOf = (path: string): string => pathText(Buffer.from(path, 'latin1'));

/** `1.4.1, complete (37 files)` or `31 of 37 files of 1.4.1; 6 still 1.4.0: /usr/bin/a, /usr/bin/b and 4 more`. */
export function productSentence(found: Omit<IdentifiedProduct, 'sentence'>): string {
  const { state, versions, registered, reference, total, matched, unregistered, exceptions } = found;
  const fitting = versions.map(({ version }) => version).join(' or ');
  const also = unregistered ? ', which the package database does not know' : '';
  switch (state) {
    case 'complete':
      return total === 0
        ? `${registered ?? fitting}, which has no files that could say so`
        : `${fitting}, complete (${filesText(total)})${also}`;
    case 'contradicted':
      return `${fitting}, complete (${filesText(total)}), but the package database says ${registered}`;
    case 'version-unknown':
      return `${registered} by the package database, of which no signature is known: import its package`;
    case 'absent':
      return `${registered} by the package database, but none of its ${filesText(total)} is there`;
    case 'left-behind':
      return `${filesText(matched)} left behind${versionsText(found)}${also}`;
    case 'partial':
      return `${matched} of ${filesText(total)} of ${reference}${parts(exceptions, reference ?? '')}${also}`;
  }
}

const versionsText = ({ reference }: Pick<IdentifiedProduct, 'reference'>): string =>
  reference === null ? '' : ` of ${reference}`;

function parts(exceptions: readonly FileException[], reference: string): string {
  const said = [...Map.groupBy(exceptions, exception => wordFor(exception, reference))].map(([word, of]) => {
    const named = of.slice(0, NAMED_PATHS).map(({ path }) => textOf(path));
    const more = of.length > NAMED_PATHS ? ` and ${of.length - NAMED_PATHS} more` : '';
    return `${of.length} ${word}: ${named.join(', ')}${more}`;
  });
  return said.length === 0 ? '' : `; ${said.join('; ')}`;
}

function wordFor({ fate, versions }: FileException, reference: string): string {
  switch (fate) {
    case 'as-in':
      return `${isOlder(versions[0] ?? '', reference) ? 'still' : 'already'} ${versions.join(' or ')}`;
    case 'left-over':
      return `left over from ${versions.join(' or ')}`;
    case 'unread':
      return 'not readable';
    default:
      return fate;
  }
}

const isOlder = (a: string, b: string): boolean => compareDpkgVersions(a, b) < 0;
