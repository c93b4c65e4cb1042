// Engines and models: what there is, fetching one while the page tells how far it is, stopping, a failure in plain words,
// removing. For administrators only; and without JavaScript by looking again.
import { tell, person, signIn, check, quiet, axeFinds, please, BASE, seen } from "./house.mjs";

const NAME = "base.en-q8_0";

await tell(async (browser) => {
  const ada = await person(browser);
  await signIn(ada, "Ada");
  await ada.goto(`${BASE}/house`);
  await ada.getByRole("link", { name: "See and change" }).click();
  const base = ada.locator(`[id="model-${NAME}"]`), speaker = ada.locator("#model-speaker");
  check("size, language, licence and what suits are said", (await seen(base.getByText("Suits this house"))) && /81.8 MB · English only · licence MIT/.test(await base.textContent()));
  await base.getByRole("button", { name: "Fetch" }).click();
  check("it is being fetched", (await seen(base.getByText("Being fetched"))) && (await base.getByRole("progressbar").getAttribute("value")) === "0");
  await base.getByRole("button", { name: "Stop" }).focus();
  await please("half of it has arrived");
  await ada.waitForFunction((id) => document.getElementById(id).querySelector("progress")?.value === 50, `model-${NAME}`);
  check("the bar moves by itself", await seen(base.getByText("40.9 MB of 81.8 MB")));
  check("and takes nobody's place away", await base.getByRole("button", { name: "Stop" }).evaluate((button) => button === document.activeElement));
  for (const one of await axeFinds(ada)) throw new Error(JSON.stringify(one));
  await base.getByRole("button", { name: "Stop" }).click();
  check("it is stopped", await seen(base.getByText("Not installed")));
  await base.getByRole("button", { name: "Fetch" }).click();
  await base.getByText("Being fetched").waitFor();
  await please("it is whole");
  check("it is in use as soon as it is whole", await seen(base.getByText("In use")));
  check("and a screen reader is told", (await ada.locator("#live").textContent()).includes(`${NAME} Suits this house: In use`));

  await speaker.getByRole("button", { name: "Fetch" }).click();
  await speaker.getByText("Being fetched").waitFor();
  await please("the other one fails");
  check("why it failed, and what to do", await seen(speaker.getByText("make room, then fetch it again")));
  check("and it can be tried again", await seen(speaker.getByRole("button", { name: "Fetch" })));

  await base.getByRole("button", { name: "Remove" }).click();
  const dialog = ada.locator("dialog[open]");
  check("the dialog says what takes over", await seen(dialog.getByText("takes over at once")));
  await dialog.getByRole("button", { name: "Remove" }).click();
  check("it is gone", await seen(base.getByText("Not installed")));
  quiet(ada);

  const plain = await person(browser, { javaScriptEnabled: false });
  await signIn(plain, "Ada");
  await plain.goto(`${BASE}/house/models`);
  await plain.locator(`[id="model-${NAME}"]`).getByRole("button", { name: "Fetch" }).click();
  await please("half of it has arrived");
  await plain.getByRole("link", { name: "Look again" }).click();
  check("without JavaScript one looks again", await seen(plain.getByText("40.9 MB of 81.8 MB")));

  const ben = await person(browser);
  await signIn(ben, "Ben");
  await ben.goto(`${BASE}/house/models`);
  check("who is no administrator sees it and changes nothing", (await seen(ben.getByText("Being fetched"))) && (await ben.locator("main form").count()) === 0);
  quiet(ben);
});
