import { tmpdir } from 'node:os';
import packed from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/** Without a sandbox of its own: tests run as root, and the pages are ours. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--headless=shell',
  '--force-color-profile=srgb',
];

/** A real Chromium, from the package, unpacked once a machine. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await packed.executablePath(),
    args: ARGUMENTS,
    downloadsPath: tmpdir(),
  });
}
