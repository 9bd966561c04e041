/*
 * Command lines of others hold passwords now and then. What looks like one is taken out before it leaves the server: it is
 * better to hide a harmless word than to keep a secret in a database of the whole fleet.
 */

const HIDDEN = '***';

const RULES: readonly [RegExp, string][] = [
  // Authorization: Bearer x
  [/(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi, `$1${HIDDEN}`],
  // --password=x, PGPASSWORD=x, token: x
  [
    /((?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|credentials?|auth)[\w-]*\s*[=:]\s*)("[^"]*"|'[^']*'|\S+)/gi,
    `$1${HIDDEN}`,
  ],
  // --password x, -p x of tools that take it so
  [/(--?(?:pass(?:word|wd)?|secret|token|api-?key)\s+)("[^"]*"|'[^']*'|\S+)/gi, `$1${HIDDEN}`],
  // mysql -pSECRET
  [/(\s-p)(?=[^\s-])("[^"]*"|'[^']*'|\S+)/g, `$1${HIDDEN}`],
  // https://user:secret@host
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:)[^\s/@]+(@)/gi, `$1${HIDDEN}$2`],
];

export const withoutSecrets = (command: string): string =>
  RULES.reduce((text, [pattern, by]) => text.replace(pattern, by), command);
