// Without a mouse: in, to every place, through every control with a mark that shows where one is, and out.
import { tell, person, check, quiet, soon, BASE, PASSPHRASE } from "./house.mjs";

const PAGES = ["history", "listened", "settings", "house", "people", "bench", "health", "account", "voice", "children"];

await tell(async (browser) => {
  const page = await person(browser);
  const press = (key) => page.keyboard.press(key);
  const here = () => page.evaluate(() => {
    const at = document.activeElement;
    const style = getComputedStyle(at);
    const marked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    return { tag: at.tagName, text: (at.innerText || at.value || "").trim().slice(0, 40), id: at.id, marked, html: at.outerHTML.slice(0, 120) };
  });
  const tabTo = async (what) => {
    for (let n = 0; n < 200; n++) {
      await press("Tab");
      if (what(await here())) return;
    }
    throw new Error(`the keyboard does not get there: ${what}`);
  };

  await page.goto(`${BASE}/sign-in`);
  await tabTo((it) => it.id === "name");
  await page.keyboard.type("Ada");
  await press("Tab");
  await page.keyboard.type(PASSPHRASE);
  await press("Enter");
  await page.waitForURL(/history/);
  check("signed in", true);

  await press("Tab");
  check("the first stop skips to the content", (await here()).text.startsWith("Skip"));
  await press("Enter");
  check("and it does", page.url().endsWith("#main"));

  for (const name of PAGES) {
    await page.goto(`${BASE}/${name}`);
    // Everything that can be seen and used is a stop (of radio buttons, one a group), and shows that it is one.
    const wanted = await page.evaluate(() => {
      const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(
        (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.type !== "hidden" && one.tabIndex >= 0);
      const groups = new Set();
      return all.filter((one) => one.type !== "radio" || (!groups.has(one.name) && groups.add(one.name))).length;
    });
    const stops = new Set();
    const unmarked = [];
    for (let n = 0; n < wanted + 40; n++) {
      await press("Tab");
      const at = await page.evaluate(() => {
        const at = document.activeElement;
        at.dataset.stop ??= String(Math.random());
        return at === document.body ? null : at.type === "radio" ? `radio ${at.name}` : at.dataset.stop;
      });
      if (at === null) continue;
      if (stops.has(at)) { if (stops.size >= wanted) break; continue; }
      stops.add(at);
      const now = await here();
      if (!now.marked) unmarked.push(now.html);
    }
    if (unmarked.length) throw new Error(`${name}: nothing shows that one is at\n${unmarked.join("\n")}`);
    check(`${name}: ${stops.size} of ${wanted} stops reached`, stops.size >= wanted);
  }

  // A recording is chosen, the dialog is left with Escape, then it is erased.
  await page.goto(`${BASE}/history?period=week`);
  await tabTo((it) => it.html.includes('name="id"'));
  await press("Space");
  await tabTo((it) => it.id === "erase-picked");
  await press("Enter");
  await page.waitForSelector("dialog[open]");
  await press("Escape");
  check("Escape leaves the dialog, and one is back where one was",
    await soon(async () => (await page.locator("dialog").count()) === 0 && (await here()).id === "erase-picked"));
  await press("Enter");
  await page.waitForSelector("dialog[open]");
  await tabTo((it) => it.html.includes("danger"));
  await press("Enter");
  await page.getByText("1 recording was erased").waitFor();
  check("erased by keyboard alone", true);
  await page.goto(`${BASE}/history`);
  await tabTo((it) => it.text === "Sign out");
  await press("Enter");
  await page.waitForURL(/sign-in/);
  quiet(page);
});
