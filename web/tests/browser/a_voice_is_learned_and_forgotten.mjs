// One's own voice, taught through the browser's microphone and forgotten again.
import { tell, person, signIn, check, quiet, seen, axeFinds, BASE } from "./house.mjs";

await tell(async (browser) => {
  const page = await person(browser, { viewport: { width: 390, height: 844 } });
  await signIn(page, "Ada");
  await page.goto(`${BASE}/settings`);
  check("the switch says that nothing was learned", await seen(page.getByText("has not learned your voice").first()));
  await page.goto(`${BASE}/voice`);
  const progress = page.locator("progress");
  check("it begins with nothing", (await progress.getAttribute("value")) === "0");
  const first = await page.locator("blockquote").innerText();
  for (const done of ["1", "2"]) {
    const button = page.locator("#teach");
    await button.focus();
    await page.keyboard.press("Enter");
    await page.locator("#teach[aria-pressed=true]").waitFor();
    await page.waitForTimeout(400);
    await page.keyboard.press("Enter");
    await page.locator(`progress[value="${done}"]`).waitFor();
  }
  check("two sentences were learned, by keyboard alone", true);
  check("another one is to be read", (await page.locator("blockquote").innerText()) !== first);
  const found = await axeFinds(page);
  if (found.length) throw new Error(JSON.stringify(found));
  await page.goto(`${BASE}/settings`);
  check("the switch says that it was learned", await seen(page.getByText("The hub has learned your voice").first()));
  await page.goto(`${BASE}/voice`);
  await page.locator("form[action='/voice/erase'] button").click();
  check("forgotten, it begins anew", await seen(page.locator('progress[value="0"]')));
  await page.goto(`${BASE}/listened`);
  check("both stand in the access log", await seen(page.getByText("let the hub forget their voice").first()) && await seen(page.getByText("let the hub learn their voice").first()));
  quiet(page);
});
