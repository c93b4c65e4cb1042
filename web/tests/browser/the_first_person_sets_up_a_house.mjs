// First run: the one-time address, a passphrase, the recovery code, the first choices; then somebody is invited.
import { tell, person, check, soon, quiet, please, BASE, PASSPHRASE, seen } from "./house.mjs";

async function join(page, name) {
  await page.getByLabel("Your name").fill(name);
  await page.locator("#passphrase").fill(PASSPHRASE);
  check("the strength of a passphrase is shown as it is typed", (await page.locator("#strength-text").textContent()) === "Very good");
  await page.getByLabel("The passphrase again").fill(PASSPHRASE);
  await page.getByRole("button", { name: "Join" }).click();
  const code = (await page.locator("#code").textContent()).trim();
  check(`${name} gets a recovery code`, /^[0-9A-Z-]{20,}$/.test(code));
  return code;
}

await tell(async (browser) => {
  const ada = await person(browser);
  await ada.goto(BASE);
  check("a stranger is told where the set-up address is", await seen(ada.getByText("one-time set-up address")));
  const address = await please("set-up address");
  await ada.goto(BASE + address);
  await ada.locator("#name").fill("Ada");
  await ada.locator("#passphrase").fill("password12345");
  await ada.locator("#again").fill("password12345");
  await ada.getByRole("button", { name: "Join" }).click();
  check("a worn-out passphrase is refused with a reason", await seen(ada.getByText("Many people use that passphrase")));
  const code = await join(ada, "Ada");
  await ada.getByRole("link", { name: "I have it; go on" }).click();
  check("the first visit asks instead of assuming", await seen(ada.getByText("What may this house keep of you?")));
  const on = await ada.locator("input[role=switch]:checked").evaluateAll((all) => all.map((one) => one.name).join(" "));
  check("review, training, erasing by voice and words over MQTT are off", on === "transcripts recognise given");
  await ada.getByLabel("A week", { exact: true }).check();
  await ada.getByRole("button", { name: "That is how I want it" }).click();
  await ada.waitForURL(/history/);
  await ada.goto(`${BASE}/settings`);
  check("what was chosen is what is set", await ada.getByLabel("A week", { exact: true }).isChecked());

  const thief = await person(browser);
  await thief.goto(BASE + address);
  await thief.locator("#name").fill("Mallory");
  await thief.locator("#passphrase").fill(PASSPHRASE);
  await thief.locator("#again").fill(PASSPHRASE);
  await thief.getByRole("button", { name: "Join" }).click();
  check("the set-up address works once", await seen(thief.getByText("This invitation was used")));

  await ada.goto(`${BASE}/people`);
  await ada.getByRole("button", { name: "Make an invitation" }).click();
  const invitation = (await ada.locator("#address").textContent()).trim();
  check("the invitation is there as a code to photograph", await seen(ada.getByRole("img", { name: /code to photograph/ })));
  const ben = await person(browser);
  await ben.goto(invitation);
  await join(ben, "Ben");
  await ben.getByRole("link", { name: "I have it; go on" }).click();
  await ben.getByRole("button", { name: "That is how I want it" }).click();
  await ada.goto(`${BASE}/people`);
  check("Ben lives here", await seen(ada.getByRole("heading", { name: "Ben" })));
  check("Ben may not invite", await ben.goto(`${BASE}/people`).then(() => ben.getByText("Make an invitation").count()) === 0);

  await ada.goto(`${BASE}/account`);
  await ada.getByRole("button", { name: "Sign out everywhere" }).click();
  await ada.goto(`${BASE}/history`);
  check("signed out everywhere is signed out here", await soon(() => /sign-in/.test(ada.url())));
  await ada.getByRole("link", { name: "I have forgotten my passphrase" }).click();
  await ada.getByLabel("Name").fill("Ada");
  await ada.getByLabel("Recovery code").fill(code.toLowerCase());
  await ada.getByLabel("New passphrase").fill("another quiet heron waits");
  await ada.getByRole("button", { name: "Set the new passphrase" }).click();
  check("the recovery code is replaced by a new one", (await ada.locator("#code").textContent()).trim() !== code);
  await ada.getByRole("link", { name: "I have it; go on" }).click();
  await ada.waitForURL(/history/);
  quiet(ada); quiet(ben); quiet(thief);
});
