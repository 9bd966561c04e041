import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { Night } from './night.ts';

/** A small night to look at in the console: the ledger's database does not get well until somebody mends it. */
export class ConsoleNight {
  readonly night: Night;
  readonly url: string;
  private readonly health: Server;
  private well = false;

  private constructor(night: Night, health: Server) {
    this.night = night;
    this.health = health;
    this.url = `https://127.0.0.1:${night.fleet.ports.api}`;
    health.on('request', (_, response) => response.writeHead(this.well ? 200 : 503).end());
  }

  static async prepare(webs: readonly string[] = ['web01']): Promise<ConsoleNight> {
    const health = createServer();
    await new Promise<void>(done => health.listen(0, '127.0.0.1', done));
    const { port } = health.address() as AddressInfo;
    try {
      const night = await Night.prepare({
        hosts: [
          ...webs.map(name => ({ name, product: 'shop' })),
          { name: 'db01', product: 'ledger', healthUrl: `http://127.0.0.1:${port}/health` },
        ],
        waves: ['    - {name: first, when: host.name == "web01"}', '    - {name: rest, maxParallel: 5}'].join('\n'),
        extra: '  defaults: {onFailure: hold, retries: {max: 0}}',
      });
      night.startComponents();
      return new ConsoleNight(night, health);
    } catch (error) {
      health.close();
      throw error;
    }
  }

  /** The database answers well from now on. */
  mend(): void {
    this.well = true;
  }

  /** Of the administrator. */
  token(): string {
    return readFileSync(this.night.fleet.state('admin.token'), 'utf8').trim();
  }

  /** As a person does it, with the token. */
  async signIn(page: Page): Promise<void> {
    await page.getByLabel('Your token').fill(this.token());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }

  /** A command as the console shows it, run where the approver's key is. */
  runShown(command: string): Promise<string> {
    const { fleet } = this.night;
    const words = [...command.matchAll(/'((?:[^']|'\\'')*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    return fleet.cliOk(...words.slice(1).map(word => (word === 'approver.key' ? fleet.keyOf('ada') : word)));
  }

  async stop(): Promise<void> {
    this.health.close();
    await this.night.stop();
  }
}

/** Certificates of a fleet's own authority are not those of the browser. */
export const CONTEXT = {
  ignoreHTTPSErrors: true,
  viewport: { width: 1440, height: 900 },
  reducedMotion: 'reduce',
} as const;

/** A page that knows what went wrong on it. */
export async function watchedPage(context: BrowserContext): Promise<{ page: Page; wrong: string[]; asked: string[] }> {
  const page = await context.newPage();
  const wrong: string[] = [];
  const asked: string[] = [];
  page.on('pageerror', error => wrong.push(String(error)));
  page.on('console', message => {
    // What the controller refuses is shown on the page; the browser writes it down as well.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) wrong.push(message.text());
  });
  page.on('request', request => asked.push(request.url()));
  return { page, wrong, asked };
}
