import { X509Certificate } from 'node:crypto';
import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { ServerFiles } from './server-files.ts';
import { walkBelow } from './walk-below.ts';

type Certificates = SectionContent<'certificates'>;

const IS_CERTIFICATE = /\.(pem|crt|cer|cert)$/i;
const MAX_CERTIFICATES = 2_048;
/** A bundle of authorities is 200 KB; who serves has a chain of a few. */
const MAX_PER_FILE = 16;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** What is in the files of these directories. Of a file that holds a key too nothing but the certificates is looked at. */
export function collectCertificates(
  files: ServerFiles,
  directories: readonly string[],
  errors: string[],
): Certificates {
  const found: Certificates = [];
  for (const directory of directories) {
    for (const { path, name, isDirectory } of walkBelow(files, directory, () => true)) {
      if (isDirectory || !IS_CERTIFICATE.test(name) || found.length >= MAX_CERTIFICATES) continue;
      try {
        found.push(...certificatesIn(path, files.text(path)));
      } catch (error) {
        errors.push(`certificates: ${path}: ${(error as Error).message}`);
      }
    }
  }
  return found.slice(0, MAX_CERTIFICATES);
}

/** Pure. Throws where one cannot be read. */
export const certificatesIn = (path: string, text: string): Certificates =>
  [...text.matchAll(PEM)].slice(0, MAX_PER_FILE).map(([pem]) => {
    const read = new X509Certificate(pem);
    return {
      path,
      subject: oneLine(read.subject),
      issuer: oneLine(read.issuer),
      serial: read.serialNumber.slice(0, 256),
      names: (read.subjectAltName ?? '')
        .split(', ')
        .filter(name => name !== '')
        .map(name => name.replace(/^(DNS|IP Address):/, '').slice(0, 4_096))
        .slice(0, 256),
      notBefore: Date.parse(read.validFrom),
      notAfter: Date.parse(read.validTo),
      fingerprint: read.fingerprint256.replaceAll(':', '').toLowerCase(),
    };
  });

/** Node writes a name over several lines. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').join(', ').slice(0, 4_096);
