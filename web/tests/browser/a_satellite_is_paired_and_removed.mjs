// The house: a code for a new satellite, one that was found, changes, and removal. For administrators only.
import { tell, person, signIn, check, soon, quiet, BASE, seen } from "./house.mjs";

await tell(async (browser) => {
  const ada = await person(browser);
  await signIn(ada, "Ada");
  await ada.goto(`${BASE}/house`);
  await ada.getByRole("button", { name: "Make a code" }).click();
  check("the code is shown", /\d{5}-\d\d/.test(await ada.locator(".bigcode").textContent()));
  await ada.getByRole("button", { name: "Cancel" }).click();
  check("and withdrawn", await soon(async () => (await ada.locator(".bigcode").count()) === 0));
  await ada.getByLabel(/Sotto satellite 7f3a/).fill("0000");
  await ada.getByRole("button", { name: "Pair", exact: true }).click();
  check("a wrong code is refused with a reason", await seen(ada.getByText("four tries are left")));
  await ada.goto(`${BASE}/house`);
  await ada.getByLabel(/Sotto satellite 7f3a/).fill("1234-5678");
  await ada.getByRole("button", { name: "Pair", exact: true }).click();
  const fresh = ada.getByRole("region", { name: "Sotto satellite 7f3a" });
  check("it is paired", await seen(fresh));
  await fresh.getByText("Change", { exact: true }).click();
  await fresh.getByLabel("Name").fill("Hallway");
  await fresh.getByLabel("Area").fill("Hall");
  await fresh.getByLabel("Muted").check();
  await fresh.getByRole("button", { name: "Save" }).click();
  const hall = ada.getByRole("region", { name: "Hallway" });
  check("it has a name, an area and is muted", (await seen(hall)) && (await seen(hall.getByText("Muted", { exact: true }).first())));
  await hall.getByText("Change", { exact: true }).click();
  await hall.getByRole("button", { name: "Remove this satellite" }).click();
  const dialog = ada.locator("dialog[open]");
  check("the dialog names it", await seen(dialog.getByText("Remove Hallway?")));
  await dialog.getByRole("button", { name: "Remove this satellite" }).click();
  await ada.waitForURL(/house/);
  await hall.waitFor({ state: "detached" });
  check("it is gone", true);

  const stove = ada.getByRole("region", { name: "By the stove" });
  check("a newer program is offered where it is", await seen(stove.getByText("A newer program is here: 0.2.0.")));
  await stove.getByRole("button", { name: "Update to 0.2.0" }).click();
  check("and once it runs, no longer", (await seen(stove.getByText("0.2.0", { exact: true }))) && (await soon(async () => (await stove.getByRole("button", { name: /Update/ }).count()) === 0)));

  await ada.goto(`${BASE}/bench`);
  await ada.getByLabel("Sentence").fill("turn on the lights");
  await ada.getByLabel("Said in").selectOption("Kitchen");
  await ada.getByRole("button", { name: "Try it" }).click();
  check("the test bench explains, and does nothing", (await seen(ada.getByText("nothing was carried out"))) && (await seen(ada.getByText("HassTurnOn", { exact: true }))));
  await ada.getByRole("button", { name: "Speak it" }).click();
  await ada.waitForTimeout(900);
  await ada.getByRole("button", { name: "Speak it" }).click();
  await ada.waitForFunction(() => document.querySelector("#sentence").value === "turn on the lights");
  check("what the browser's microphone hears becomes the sentence", true);

  const ben = await person(browser);
  await signIn(ben, "Ben");
  await ben.goto(`${BASE}/house`);
  check("who is no administrator sees the house and changes nothing", (await seen(ben.getByText("By the stove"))) && (await ben.locator("main form").count()) === 0);
  quiet(ada); quiet(ben);
});
