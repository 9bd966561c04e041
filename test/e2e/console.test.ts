import { writeFileSync } from 'node:fs';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrowser } from '../support/browser.ts';
import { CONTEXT, ConsoleNight, watchedPage } from '../support/console-night.ts';
import { until } from '../support/fleet.ts';

/*
 * A night in the console: a real Chromium, a real controller and agents. What a page shows is held against what the command line
 * says of the same thing; nothing is waited for but what a person would see.
 */

/** Of what is waited for on a page: far away, for a machine where everything else runs as well. */
const SEEN_WITHIN_MS = 120_000;
const HOSTILE = '<img src=x onerror="window.hit=1"> \u001b[31mred exe\u202egpj';

let night: ConsoleNight;
let browser: Browser;
let seen: Awaited<ReturnType<typeof watchedPage>>;

beforeAll(async () => {
  [night, browser] = await Promise.all([ConsoleNight.prepare(), startBrowser()]);
  const context = await browser.newContext(CONTEXT);
  context.setDefaultTimeout(SEEN_WITHIN_MS);
  seen = await watchedPage(context);
  await seen.page.goto(night.url);
});

afterAll(async () => {
  await browser?.close();
  await night?.stop();
});

const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();
const screen = async (page: Page, path: string, title: string | RegExp) => {
  await page.goto(`${night.url}${path}`);
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
};

describe('a night in the console', () => {
  let digest = '';

  it('lets nobody in without a token that counts', async () => {
    const { page } = seen;
    await page.getByLabel('Your token').fill('tma_000000000000_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await shown(page, /the token is not known/);
    await night.signIn(page);
    await shown(page, 'Nothing runs');
    await shown(page, 'All 2 enrolled hosts are connected.');
    const kept = await page.evaluate('[document.cookie, JSON.stringify(localStorage)].join()');
    expect(kept).not.toMatch(/tma_|__Host/);
  });

  it('shows a plan as soon as it is there, its digest as the approver computes it, and starts it once it is signed', async () => {
    const { page } = seen;
    const { fleet } = night.night;
    await fleet.cliOk('plan', fleet.path('policy.yaml'));
    const [plan] = await fleet.cliJson<{ digest: string }[]>('get', 'plans');
    digest = plan?.digest ?? '';
    await page.getByRole('link', { name: 'shop-night' }).first().click();
    await shown(page, digest);
    await shown(page, 'shop 1.0.0 → 1.1.0');
    await shown(page, '0 of 1 approvals');
    const command = (await page.getByTitle('Sign it, where the key is').textContent()) ?? '';
    await night.runShown(command);
    await shown(page, '1 of 1 approvals');
    await page.getByRole('button', { name: 'Start the run' }).click();
    await page.waitForURL(/\/runs\/r1/);
  });

  it('shows live where the database fails, why, and what can be decided about it', async () => {
    const { page } = seen;
    await page.locator('[data-host="db01"]').getByText('held').waitFor();
    const cell = page.locator('[data-host="db01"] [data-step="verify"]');
    expect(await cell.getAttribute('aria-label')).toBe('verify on db01: failed');
    expect(await page.locator('[data-host="web01"] [data-step="patch"]').getAttribute('aria-label')).toBe(
      'patch on web01: succeeded',
    );
    await cell.click();
    await shown(page, /is not healthy after/);
    expect(new URL(page.url()).search).toContain('host=db01');
    expect(await page.getByRole('link', { name: /Incidents/ }).textContent()).toContain('1 open');
  });

  it('keeps what somebody writes about the incident while their session ends, and shows it as text', async () => {
    const { page } = seen;
    await screen(page, '/incidents?id=1', 'Incidents');
    await page.getByRole('button', { name: 'Take', exact: true }).click();
    await shown(page, 'Taken by admin');
    await page.getByLabel('What was found out, or done').fill(HOSTILE);
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Comment' }).click();
    await night.signIn(page);
    expect(await page.getByLabel('What was found out, or done').inputValue()).toBe(HOSTILE);
    await page.getByRole('button', { name: 'Comment' }).click();
    await shown(page, '<img src=x onerror="window.hit=1"> \\u001b[31mred exe\\u202egpj');
    expect(await page.evaluate(`[document.querySelectorAll('img[src="x"]').length, 'hit' in window]`)).toEqual([
      0,
      false,
    ]);
  });

  it('has one stream for all tabs of a browser', async () => {
    const { page, asked } = seen;
    const second = await watchedPage(page.context());
    await second.page.goto(`${night.url}/incidents`);
    await shown(second.page, 'check health of service ledger');
    await second.page.getByText(/^ ?live$/).waitFor();
    const streams = [...asked, ...second.asked].filter(url => url.includes('/console/changes'));
    expect(streams.length).toBeGreaterThan(0);
    expect(second.asked.filter(url => url.includes('/console/changes'))).toEqual([]);
    await second.page.close();
  });

  it('goes on where the approver runs the command that it shows, and is done', async () => {
    const { page } = seen;
    night.mend();
    await screen(page, '/runs/r1?host=db01&step=verify', /Run r1/);
    await page.getByRole('button', { name: 'Retry from here' }).click();
    await page.getByLabel(/^Why\?/).fill("the ledger's disk was full");
    const command = (await page.getByTitle('retry as a command').textContent()) ?? '';
    expect(command).toContain('tidemark run retry r1 db01 ');
    await night.runShown(command);
    await page.locator('[data-host="db01"]').getByText('succeeded').waitFor();
    await shown(page, '2 of 2');
    const run = await night.night.fleet.cliJson<{ state: string }>('run', 'show', 'r1');
    expect(run.state).toBe('succeeded');
  });

  it('shows on every other screen what the controller knows', async () => {
    const { page } = seen;
    const { fleet } = night.night;
    await screen(page, '/', 'Tonight');
    await shown(page, '2 of 2');
    await screen(page, '/runs', 'Runs');
    await shown(page, 'r1 shop-night');
    await screen(page, '/hosts?find=db', 'Hosts');
    await shown(page, '1 of 2 hosts');
    await screen(page, '/hosts/db01', 'Host db01');
    await page.getByRole('row', { name: /ledger 1\.1\.0 complete/ }).waitFor();
    await screen(page, '/promotion', 'Promotion');
    await page.getByRole('button', { name: 'Promote to inactive' }).click();
    await shown(page, 'shop 1.1.0');
    await page.getByRole('button', { name: 'Promote', exact: true }).click();
    await shown(page, 'next is in ring inactive');
    expect(await fleet.cliJson<{ ring: string }[]>('get', 'bundles')).toMatchObject([{ ring: 'inactive' }]);
    await screen(page, '/administration?tab=audit', 'Administration');
    await page.getByRole('row', { name: /admin plan\.compiled/ }).waitFor();
    await shown(page, /entries is intact/);
  });

  it('shows drift, and takes an answer for it', async () => {
    const { page } = seen;
    const { fleet } = night.night;
    writeFileSync(`${fleet.root('web01')}/opt/shop/current/lib/program.txt`, 'changed by hand\n');
    await fleet.cliOk('scan', 'web01');
    await until('the changed file is known', async () =>
      (await fleet.cli('drift', 'web01')).stdout.includes('program.txt'),
    );
    await screen(page, '/drift?a=web01', 'Drift');
    await page.getByRole('button', { name: /^Accept .*program\.txt/ }).click();
    await page.getByLabel('Reason').fill('a fix of the vendor');
    await page.getByRole('button', { name: 'Accept until then' }).click();
    await shown(page, /accepted by waiver/);
  });

  it('is used by keyboard alone', async () => {
    const { page } = seen;
    await screen(page, '/runs', 'Runs');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/runs\/r1/);
    await page.locator('[data-host="db01"]').waitFor();
    await page.keyboard.press('j');
    for (const key of ['ArrowRight', 'Enter']) await page.keyboard.press(key);
    await page.locator('.tm-panel').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.tm-panel').waitFor({ state: 'detached' });
    await page.keyboard.press('/');
    await page.keyboard.type('db01');
    await page.locator('[data-host="web01"]').waitFor({ state: 'detached' });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Sign out' }).focus();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  });

  it('has no violation that axe knows, on any screen, in light, dark and high contrast', {
    timeout: 600_000,
  }, async () => {
    const { page } = seen;
    const screens = [
      ...['/', '/runs', '/runs/r1?host=db01&step=verify', '/incidents?state=all&id=1', '/plans', `/plans/${digest}`],
      ...['/drift?a=web01', '/promotion', '/hosts', '/hosts/db01', '/administration', '/administration?tab=audit'],
    ];
    const found: string[] = [];
    for (const path of screens) {
      await page.goto(`${night.url}${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.tm-loading').first().waitFor({ state: 'detached' });
      await page.evaluate(axe.source);
      for (const theme of ['light', 'dark', 'contrast']) {
        await page.getByLabel('Colours').selectOption(theme);
        const { violations } = (await page.evaluate(
          "axe.run(document, { resultTypes: ['violations'] })",
        )) as axe.AxeResults;
        found.push(...violations.map(({ id, nodes }) => `${path} ${theme} ${id}: ${nodes[0]?.html.slice(0, 200)}`));
      }
    }
    expect(found).toEqual([]);
  });

  it('runs nothing inline, asks nobody else, and has told of no error', async () => {
    const { page, wrong, asked } = seen;
    const expected = [...wrong];
    const blocked = await page.evaluate(`new Promise(done => {
      addEventListener('securitypolicyviolation', event => done(event.effectiveDirective), { once: true });
      const script = document.createElement('script');
      script.append('window.hit = 2');
      document.body.append(script);
    })`);
    expect(blocked).toMatch(/^(script-src|require-trusted-types-for)/);
    expect(await page.evaluate(`'hit' in window`)).toBe(false);
    expect(asked.filter(url => new URL(url).origin !== night.url)).toEqual([]);
    expect(expected).toEqual([]);
  });
});
