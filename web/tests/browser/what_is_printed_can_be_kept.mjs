// On paper: the history, a receipt and the recovery code, printed by Chromium itself from a dark screen. Black on white,
// nothing to press, and no line cut in two. The files lie in artefacts/ to be looked at.
import { tell, person, signIn, check, quiet, please, BASE, ARTEFACTS, PASSPHRASE } from "./house.mjs";
import { writeFileSync } from "node:fs";

await tell(async (browser) => {
  const print = async (page, name) => {
    const file = await page.pdf({ format: "A4", printBackground: false });
    writeFileSync(`${ARTEFACTS}/${name}.pdf`, file);
    await page.emulateMedia({ media: "print" });
    const pressable = await page.locator("button:visible, .rail:visible, input:visible, select:visible, .chips:visible").count();
    check(`${name}: nothing to press is printed`, pressable === 0);
    const colours = await page.evaluate(() => [document.documentElement, document.querySelector("main .card")].map((part) => getComputedStyle(part).backgroundColor));
    check(`${name}: white paper, though the screen is dark`, colours.every((colour) => colour === "rgb(255, 255, 255)"));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    check(`${name}: nothing is wider than the paper`, !wide);
    const cut = await page.locator(".said, .card:not(.list)").evaluateAll((parts) => parts.filter((part) => getComputedStyle(part).breakInside !== "avoid").length);
    check(`${name}: nothing is cut in two between pages`, cut === 0);
    await page.emulateMedia({ media: null });
    return (file.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length;
  };
  const ada = await person(browser, { colorScheme: "dark" });
  await signIn(ada, "Ada");
  const pages = await print(ada, "printed-history");
  check("the history is on a page or two", pages >= 1 && pages <= 2);
  await ada.locator("input[name=id]").first().check();
  await ada.locator("#erase-picked").click();
  await ada.locator("dialog[open] button.danger").click();
  await ada.waitForURL(/receipts/);
  check("a receipt is one page", (await print(ada, "printed-receipt")) === 1);
  quiet(ada);

  const dora = await person(browser, { colorScheme: "dark" });
  await dora.goto(`${BASE}${await please("an invitation")}`);
  await dora.getByLabel("Your name").fill("Dora");
  await dora.getByLabel("Passphrase", { exact: true }).fill(PASSPHRASE);
  await dora.getByLabel("The passphrase again").fill(PASSPHRASE);
  await dora.getByRole("button", { name: "Join" }).click();
  await dora.locator("#code").waitFor();
  check("the recovery code is one page", (await print(dora, "printed-code")) === 1);
  await dora.emulateMedia({ media: "print" });
  check("the paper says whose it is", /recovery code of Dora, from/.test(await dora.locator(".on-paper").innerText()));
  await dora.emulateMedia({ media: null });
  check("the screen does not", !(await dora.locator(".on-paper").isVisible()));
  quiet(dora);
});
