import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debOf, rpmOf } from '@tidemark/controller/harvest/testing/packages.ts';
import type { PoolPackage, RepositoryFiles } from '@tidemark/controller/harvest/testing/repositories.ts';
import { type Vendor, vendorOf } from '@tidemark/controller/harvest/testing/vendor.ts';
import { ImportRefused } from '@tidemark/controller/signatures/errors.ts';
import { importRepository, type RepositoryRequest } from '@tidemark/controller/signatures/import-repository.ts';
import type { InstalledPackages, RepositorySource } from '@tidemark/controller/signatures/ports.ts';
import { createSignatures } from '@tidemark/controller/signatures/service.ts';
import { signatureStore } from '@tidemark/controller/store/signatures.ts';
import type { Store } from '@tidemark/controller/store/store.ts';
import { packageReader } from '@tidemark/controller/wiring/package-reader.ts';
import { digestOf } from '@tidemark/shared/base/digest.ts';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { testStores } from './database.ts';

export const NOW = Date.UTC(2026, 10, 30, 12);
export const HOUR = 3_600_000;
const clock = { now: () => NOW, monotonic: () => 0 };

export async function deb(product: string, version: string, more: Partial<PoolPackage> = {}): Promise<PoolPackage> {
  const bytes = await debOf({
    control: `Package: ${product}\nVersion: ${version}\nArchitecture: amd64\nMaintainer: A <a@example.invalid>\nDescription: x\n`,
    data: [{ name: `./usr/bin/${product}`, content: `${product} ${version}`, mode: 0o755 }],
  });
  return { product, version, architecture: 'amd64', path: `pool/${product}_${version}_amd64.deb`, bytes, ...more };
}

export async function rpm(product: string, by: Vendor | null): Promise<PoolPackage> {
  const files = [{ path: `/usr/bin/${product}`, content: product, mode: 0o100755 }];
  const tags = { 1000: product };
  let header: Buffer = Buffer.alloc(0);
  rpmOf({
    files,
    tags,
    signatureTags: bytes => {
      header = bytes;
      return {};
    },
  });
  const signature = await by?.sign(header);
  const bytes = rpmOf({ files, tags, signatureTags: () => (signature ? { 268: signature } : {}) });
  return { product, version: '2.0-1', architecture: 'x86_64', path: `Packages/${product}.rpm`, bytes };
}

/** What the fleet has: `name version`, of amd64 or x86_64. */
export const fleetOf = (...packages: string[]): InstalledPackages => ({
  architectures: ['amd64'],
  versions: new Map(
    packages.map(each => {
      const [name = '', version = ''] = each.split(' ');
      return [name, new Set([`${version} amd64`, `${version} all`, `${version} x86_64`])];
    }),
  ),
});

/** A database, people with keys of whom one is trusted, and imports from files in memory. Registers vitest's hooks. */
export function repositoryImports(): RepositoryImports {
  const imports = new RepositoryImports();
  const openStore = testStores();
  beforeAll(() => imports.prepare());
  beforeEach(async () => imports.begin(await openStore()));
  afterAll(() => imports.end());
  return imports;
}

type Request = Partial<RepositoryRequest> & { fleet?: InstalledPackages };

class RepositoryImports {
  declare store: Store;
  declare signatures: ReturnType<typeof createSignatures>;
  declare vendor: Vendor;
  declare stranger: Vendor;
  /** Paths of files that were read. */
  read: string[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'tm-repositories-'));

  async prepare(): Promise<void> {
    [this.vendor, this.stranger] = await Promise.all([vendorOf('Vendor'), vendorOf('Stranger')]);
  }

  async begin(store: Store): Promise<void> {
    this.store = store;
    this.signatures = createSignatures({
      store: signatureStore(store),
      reader: packageReader,
      trustRoot: async () => null,
      clock,
    });
    await this.signatures.addKeys({ armored: this.vendor.armored, tier: 'vendor', by: 'root' });
    this.read = [];
  }

  end(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  importing(files: RepositoryFiles, { fleet = fleetOf('shop 1.0', 'lib 2.0'), ...request }: Request = {}) {
    return importRepository(
      {
        name: 'mirror stable',
        kind: 'apt',
        suite: 'stable',
        components: null,
        architectures: null,
        take: { of: 'installed' },
        except: [],
        allowOlder: false,
        by: 'grace',
        ...request,
      },
      {
        store: signatureStore(this.store),
        reader: packageReader,
        source: this.sourceOf(files),
        installed: async () => fleet,
        clock,
        progress: () => undefined,
        signal: new AbortController().signal,
      },
    );
  }

  /** `code: message`; `taken` where it was. */
  async refusalOf(files: RepositoryFiles, request: Request = {}): Promise<string> {
    try {
      await this.importing(files, request);
      return 'taken';
    } catch (error) {
      if (error instanceof ImportRefused) return `${error.code}: ${error.message}`;
      throw error;
    }
  }

  async known(): Promise<string[]> {
    return (await this.signatures.list()).map(({ product, version }) => `${product} ${version}`).sort();
  }

  packagesRead(): string[] {
    return this.read.filter(path => /\.(deb|rpm)$/.test(path)).sort();
  }

  private sourceOf(files: RepositoryFiles): RepositorySource {
    return {
      read: async (path, _mostBytes, use) => {
        const bytes = files.get(path);
        if (!bytes) return null;
        this.read.push(path);
        const file = join(this.directory, `file-${Math.random()}`);
        writeFileSync(file, bytes);
        return use({ file, bytes: bytes.length, digest: digestOf(bytes) });
      },
    };
  }
}
