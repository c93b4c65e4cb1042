// "Keep the words" and "Recognise my voice", switched off and on by Ben: what they say they do is what happens, and what
// they say they do not do does not.
import { tell, person, signIn, check, quiet, please, BASE, seen } from "./house.mjs";

await tell(async (browser) => {
  const ben = await person(browser);
  await signIn(ben, "Ben");
  const flip = async (name, on) => {
    await ben.goto(`${BASE}/settings`);
    const toggle = ben.getByRole("switch", { name });
    check(`${name} is ${on ? "off" : "on"}`, (await toggle.isChecked()) !== on);
    if (on) await toggle.check(); else await toggle.uncheck();
    await ben.getByRole("button", { name: "Save" }).first().click();
    check("it is saved", await seen(ben.getByText("Saved. It holds from now on.")));
    check("and stays", (await ben.getByRole("switch", { name }).isChecked()) === on);
  };
  const newest = async () => {
    await ben.goto(`${BASE}/history`);
    return ben.locator("[data-entry]").first().innerText();
  };
  await please("Ben says something");
  check("with the words kept, they are there to read", (await newest()).includes("where is my other shoe"));
  await flip("Keep the words", false);
  await please("Ben says something");
  const without = await newest();
  check("switched off, the recording is there without its words", /No words were kept/.test(without) && !without.includes("shoe"));
  check("and can be heard", await ben.locator("[data-entry]").first().locator("button.play").isVisible());
  check("what was kept before stays", await seen(ben.getByText("where is my other shoe")));
  await ben.getByText("Search and filter").click();
  await ben.getByLabel("Words").fill("shoe");
  await ben.getByRole("button", { name: "Show", exact: true }).click();
  await ben.waitForFunction(() => document.querySelectorAll("[data-entry]").length === 1);
  check("a search finds the old one alone", true);
  await flip("Keep the words", true);
  await please("Ben says something");
  check("on again, the words are kept again", (await newest()).includes("where is my other shoe"));

  check("the house compares voices with Ben's", (await please("is Ben's voice compared?")) === "yes");
  await flip("Recognise my voice", false);
  check("switched off, it does not", (await please("is Ben's voice compared?")) === "no");
  await ben.goto(`${BASE}/voice`);
  check("his voice is not forgotten by that", (await seen(ben.getByText("10 of 10 sentences"))));
  await flip("Recognise my voice", true);
  check("on again, it does again", (await please("is Ben's voice compared?")) === "yes");
  quiet(ben);
});
