// What every story begins with: a browser, and people in it.
import { chromium } from "playwright-core";
import { createInterface } from "node:readline";
import { readFileSync, rmSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const BASE = process.env.BASE;
export const ARTEFACTS = process.env.ARTEFACTS;
export const PASSPHRASE = "four quiet herons wait";
const axe = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "node_modules/axe-core/axe.min.js"), "utf8");

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
/** Asks the test for something to happen in the house. */
export async function please(wish) {
  process.stdout.write(`! ${wish}\n`);
  return (await answers.next()).value;
}

export function check(what, true_) {
  if (!true_) throw new Error(`not so: ${what}`);
  console.log(`  ${what}`);
}

/** Whether something comes into sight, given a moment. */
export const seen = (locator) => locator.waitFor({ timeout: 8_000 }).then(() => true, () => false);

/** Whether something becomes so, given a moment. */
export async function soon(so) {
  for (const end = Date.now() + 8_000; Date.now() < end;) {
    if (await so()) return true;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return so();
}

/** Runs a story in a browser that is closed whatever happens. */
export async function tell(story, more = []) {
  const profile = mkdtempSync(join(tmpdir(), "sotto-browser-"));
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", ...more],
  });
  try {
    await story(browser);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
    process.stdin.destroy();
  }
}

/** One person's browser; anything that goes wrong on its pages fails the story. */
export async function person(browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.elsewhere = [];
  page.broken = [];
  page.on("request", (request) => { if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(BASE)) page.elsewhere.push(request.url()); });
  page.on("pageerror", (error) => page.broken.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error" && !/status of 4/.test(message.text())) page.broken.push(message.text()); });
  return page;
}

export async function signIn(page, name) {
  await page.goto(`${BASE}/sign-in`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Passphrase").fill(PASSPHRASE);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(/\/(history|first)/);
}

export function quiet(page) {
  check("nothing was asked from elsewhere", page.elsewhere.length === 0);
  if (page.broken.length) throw new Error(`the page complained: ${page.broken.join("\n")}`);
}

/** What axe-core finds on this page: WCAG 2.2 A and AA, and best practices. */
export async function axeFinds(page) {
  // Injected by the debugger, not by the page, so that the page's own policy stays as strict as it is.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => JSON.stringify(r.violations.map((v) => ({ id: v.id, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160) + " :: " + (n.failureSummary || "").replace(/\\n/g, " ").slice(0, 200)) }))))`,
    awaitPromise: true, returnByValue: true,
  });
  await session.detach();
  if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails).slice(0, 400));
  return JSON.parse(result.value);
}
