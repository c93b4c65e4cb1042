// Every page, small and wide, light and dark: a picture of each into artefacts/, and what axe-core finds: nothing.
import { tell, person, signIn, check, quiet, axeFinds, BASE, ARTEFACTS } from "./house.mjs";

const PAGES = ["history", "settings", "first", "account", "listened", "export", "voice", "children", "review", "people", "house", "house/models", "bench", "health", "more", "trust"];
const only = process.env.ONLY?.split(",");

await tell(async (browser) => {
  const found = [];
  for (const [width, height] of [[390, 844], [1280, 900]]) {
    for (const colorScheme of ["light", "dark"]) {
      const look = `${width}-${colorScheme}`;
      const page = await person(browser, { viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
      const see = async (name) => {
        if (only && !only.includes(name)) return;
        await page.screenshot({ path: `${ARTEFACTS}/${name.replace("/", "-")}-${look}.png`, fullPage: true });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        if (wide) found.push(`${name} ${look}: wider than the screen`);
        // Each theme once: axe-core looks at colours and structure, which do not change with the width.
        if ((width === 390) !== (colorScheme === "light")) return;
        for (const one of await axeFinds(page)) found.push(`${name} ${look}: ${one.id}: ${one.help}\n    ${one.nodes.join("\n    ")}`);
      };
      await page.goto(`${BASE}/sign-in`);
      await see("sign-in");
      await page.goto(`${BASE}/recover`);
      await see("recover");
      await page.goto(`${BASE}/join/${"0".repeat(64)}`);
      await see("join");
      await signIn(page, "Ada");
      for (const name of PAGES) {
        await page.goto(`${BASE}/${name}`);
        await see(name);
      }
      await page.goto(`${BASE}/history?period=month`);
      await page.locator("[data-entry]").first().locator("a.words").click();
      await page.waitForURL(/recordings/);
      await page.locator("button.play").click();
      await page.waitForSelector("button.play[data-seconds]");
      await see("recording");
      await page.goto(`${BASE}/history?period=week`);
      await page.locator("input[name=id]").first().check();
      await page.locator("#erase-picked").click();
      await page.waitForSelector("dialog[open]");
      await see("erase");
      await page.goto(`${BASE}/nothing`);
      await see("nothing");
      await page.goto(`${BASE}/bench`);
      await page.getByLabel("Sentence").fill("turn on the lights");
      await page.getByRole("button", { name: "Try it" }).click();
      await page.getByText("Understood", { exact: true }).waitFor();
      await see("bench-tried");
      await page.goto(`${BASE}/listened`);
      await page.locator("main a[href^='/receipts/']").first().click();
      await page.waitForURL(/receipts/);
      await see("receipt");
      await page.goto(`${BASE}/people`);
      await page.getByRole("button", { name: "Make an invitation" }).click();
      await page.locator("#address").waitFor();
      await see("invitation");
      quiet(page);
      await page.context().close();
    }
  }
  if (found.length) throw new Error(found.join("\n"));
  check("axe-core finds nothing on any page, in either theme", true);
});
