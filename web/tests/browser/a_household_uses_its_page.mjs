// A household and its page, on a hub that runs: set up, paired, spoken to, listened to, claimed, erased, changed.
import { tell, person, please, check, quiet, seen, axeFinds, BASE, ARTEFACTS, PASSPHRASE } from "./house.mjs";

await tell(async (browser) => {
  const page = await person(browser, { viewport: { width: 390, height: 844 } });
  const look = async (name) => {
    await page.screenshot({ path: `${ARTEFACTS}/hub-${name}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    check(`${name}: fits a phone`, !wide);
    const found = await axeFinds(page);
    if (found.length) throw new Error(`${name}: ${JSON.stringify(found)}`);
  };

  // First run.
  await page.goto(await please("set-up address"));
  await page.getByLabel("Your name").fill("Ada");
  await page.locator("#passphrase").fill(PASSPHRASE);
  await page.locator("#again").fill(PASSPHRASE);
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByRole("link", { name: "I have it; go on" }).click();
  await page.getByRole("button", { name: "That is how I want it" }).click();
  await page.waitForURL(/history/);
  check("the history begins empty", await seen(page.getByText("As soon as somebody talks to a satellite")));

  // A satellite is paired with the code that the page shows.
  await page.goto(`${BASE}/house`);
  await page.getByRole("button", { name: "Make a code" }).click();
  await please(`pair ${(await page.locator(".bigcode").innerText()).trim()}`);
  const ready = async () => {
    for (let n = 0; n < 60; n++) {
      await page.goto(`${BASE}/house`);
      if (await page.locator(".pill", { hasText: "Ready" }).count()) return true;
      await page.waitForTimeout(500);
    }
    return false;
  };
  check("it is paired and ready", await ready());
  await page.getByText("Change", { exact: true }).first().click();
  await page.getByLabel("Area").fill("Kitchen");
  await page.locator("form[action='/house/satellite']").getByRole("button", { name: "Save" }).click();
  check("it stands in the kitchen", await seen(page.getByRole("heading", { name: "Kitchen" })));
  await look("house");

  // Somebody orders; it appears by itself.
  await page.goto(`${BASE}/history`);
  await please("order three coffees");
  await page.locator("[data-entry]").nth(2).waitFor({ timeout: 60_000 });
  check("three orders appeared without a reload", true);
  await look("history");

  // Watching the level, while it goes on being spoken.
  await page.goto(`${BASE}/house`);
  await please("order three coffees");
  await page.getByRole("button", { name: "Watch the level" }).waitFor();
  await page.getByRole("button", { name: "Watch the level" }).click();
  let most = 0;
  for (let n = 0; n < 100 && most < 20; n++) {
    most = Math.max(most, await page.locator("meter").first().evaluate((meter) => meter.value));
    await page.waitForTimeout(100);
  }
  check(`the meter moves with the voice (${most})`, most >= 20);
  await page.goto(`${BASE}/history`);
  await page.locator("[data-entry]").nth(5).waitFor({ timeout: 60_000 });

  // One is opened, heard, explained and claimed.
  await page.locator("[data-entry] a.words").first().click();
  await page.locator("button.play").click();
  await page.waitForSelector("button.play[data-seconds]");
  const seconds = Number(await page.locator("button.play").getAttribute("data-seconds"));
  check(`the recording decodes (${seconds} s)`, seconds > 1);
  check("why the house did it is told", await seen(page.getByText("Matched sentence")));
  check("each step has its time", /\d ms/.test(await page.locator("main").innerText()));
  await look("recording");
  await page.getByRole("button", { name: "This was me" }).click();
  check("it is claimed", await seen(page.getByText("It was claimed on this page.")));
  await page.goto(`${BASE}/listened`);
  check("the access log says who listened, and is whole", await seen(page.getByText("You listened to").first()) && await seen(page.getByText("The log is whole")));
  await look("listened");

  // Nothing of nobody in particular is to be kept any more.
  await page.goto(`${BASE}/settings`);
  await page.locator("#house-keep").selectOption("not_at_all");
  await page.locator("form[action='/settings/house'] button").click();
  check("it is saved", await seen(page.getByText("Saved. It holds from now on.")));
  await look("settings");
  const left = async () => {
    await page.goto(`${BASE}/history`);
    return page.locator("[data-entry]").count();
  };
  let kept = await left();
  for (let n = 0; n < 40 && kept !== 1; n++) { await page.waitForTimeout(250); kept = await left(); }
  check("what the house had is gone, what was claimed is there", kept === 1);
  await please("order three coffees");
  await please("session to end, three times");
  await page.goto(`${BASE}/health`);
  check("how long each step took is drawn", await seen(page.getByText(/\d times? · half within/).first()));
  await look("health");
  check("and nothing of the last three was kept", (await left()) === 1);

  // A sentence is tried without anything being done.
  await page.goto(`${BASE}/bench`);
  await page.getByLabel("Sentence").fill("make me a large cappuccino");
  await page.getByRole("button", { name: "Try it" }).click();
  check("the test bench understands", await seen(page.getByText("sotto/intent/orderDrink")));
  await look("bench");

  // Everything is erased, and the receipt is there.
  await page.goto(`${BASE}/history`);
  await page.getByRole("button", { name: /^Erase (the|all|.*shown)/ }).last().click();
  await page.waitForSelector("dialog[open]");
  await page.locator("dialog button.danger").click();
  check("there is a receipt", await seen(page.getByText("1 recording was erased")));
  await look("receipt");
  await page.goto(`${BASE}/history`);
  check("the history is empty", await seen(page.getByText("As soon as somebody talks to a satellite")));
  await page.goto(`${BASE}/account`);
  await look("account");
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL(/sign-in/);
  await page.goto(`${BASE}/history`);
  check("signed out, it asks who one is", await seen(page.getByRole("button", { name: "Sign in", exact: true })));
  quiet(page);
});
