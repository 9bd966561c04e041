import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startBrowser } from '../support/browser.ts';
import { CONTEXT, ConsoleNight, watchedPage } from '../support/console-night.ts';

/* `npm run screens`: every screen of the console in a small night, light and dark, as pictures in docs/screens. */

const target = join(import.meta.dirname, '../../docs/screens');
mkdirSync(target, { recursive: true });
const night = await ConsoleNight.prepare(['web01', 'web02', 'web03']);
const browser = await startBrowser();
try {
  const { page } = await watchedPage(await browser.newContext(CONTEXT));
  await page.goto(night.url);
  await night.signIn(page);
  const run = await night.night.begin();
  await page.goto(`${night.url}/runs/${run}`);
  await page.locator('[data-host="db01"]').getByText('held').waitFor({ timeout: 180_000 });
  const { fleet } = night.night;
  const [plan] = await fleet.cliJson<{ digest: string }[]>('get', 'plans');
  const screens: Record<string, string> = {
    tonight: '/',
    'run-matrix': `/runs/${run}?host=db01&step=verify`,
    runs: '/runs',
    incidents: '/incidents?id=1',
    plans: '/plans',
    plan: `/plans/${plan?.digest}`,
    drift: '/drift?a=web01',
    promotion: '/promotion',
    hosts: '/hosts',
    host: '/hosts/web01',
    agents: '/administration',
    audit: '/administration?tab=audit',
  };
  for (const [name, path] of Object.entries(screens)) {
    await page.goto(`${night.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    for (const theme of ['light', 'dark']) {
      await page.getByLabel('Colours').selectOption(theme);
      await page.waitForFunction("document.querySelector('.tm-loading') === null");
      await page.screenshot({ path: join(target, `${name}-${theme}.png`) });
    }
  }
} finally {
  await browser.close();
  await night.stop();
}
