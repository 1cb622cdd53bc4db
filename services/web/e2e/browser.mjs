// One browser for all tests, and what they ask of a page.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * A page in a context of its own. `problems` gathers what must never happen: errors on the console, which include
 * breaches of the content security policy, uncaught exceptions, and requests to anywhere but the gateway.
 */
export async function openPage(browser, baseUrl, path, options = {}) {
  const { viewport = WIDE, colorScheme = 'light', token = null, isTouched = false } = options;
  const context = await browser.newContext({
    viewport,
    hasTouch: isTouched,
    isMobile: isTouched,
    colorScheme,
    baseURL: baseUrl,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  if (token !== null) await context.addInitScript(value => sessionStorage.setItem('colloquy.token', value), token);
  const page = await context.newPage();
  const problems = [];
  // Broken sockets and refused requests are what some tests are about.
  const expected = /WebSocket connection|Failed to load resource/;
  page.on('console', message => {
    if (message.type() === 'error' && !expected.test(message.text())) problems.push(message.text());
  });
  page.on('pageerror', error => problems.push(String(error)));
  page.on('request', request => {
    if (new URL(request.url()).origin !== new URL(baseUrl).origin) problems.push(`asked ${request.url()}`);
  });
  page.on('response', response => {
    if (response.status() >= 400 && new URL(response.url()).pathname !== '/graphql') {
      problems.push(`${response.status()} for ${response.url()}`);
    }
  });
  await page.goto(path);
  return { page, problems, close: () => context.close() };
}

/** Violations of WCAG 2.2 A and AA, as lines to read. */
export async function axeViolations(page) {
  // As a string by the debugger: the page's policy lets no script be added.
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const result = await globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } });
    return result.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.slice(0, 3).map(node => `${node.html.slice(0, 160)} ${node.failureSummary}`),
    }));
  });
  return violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.join('\n  ')}`);
}
