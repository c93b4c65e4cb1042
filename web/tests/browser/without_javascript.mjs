// Everything but playback and live entries works without JavaScript: read, filter, search, decide, erase.
import { tell, person, signIn, check, soon, quiet, BASE, seen } from "./house.mjs";

await tell(async (browser) => {
  const ada = await person(browser, { javaScriptEnabled: false });
  await signIn(ada, "Ada");
  check("the history is there", (await ada.locator("[data-entry]").count()) > 5);
  await ada.getByText("Search and filter").click();
  await ada.getByLabel("Area").selectOption("Bedroom");
  await ada.getByRole("button", { name: "Show", exact: true }).click();
  check("it is filtered", await soon(async () => (await ada.locator("[data-entry]").count()) === 2 && ada.url().includes("area=Bedroom")));
  await ada.locator("a.words").first().click();
  check("what is missing is said", await seen(ada.getByText("Playing in the page needs JavaScript.")));
  await ada.goto(`${BASE}/history`);
  await ada.locator("[data-entry]").first().getByRole("checkbox").check();
  await ada.getByRole("button", { name: "Erase selected" }).click();
  check("the question is a page", await seen(ada.getByRole("heading", { name: "Erase 1 recording?" })));
  await ada.getByRole("button", { name: "Erase 1 recording" }).click();
  check("there is a receipt", await seen(ada.getByRole("heading", { name: "1 recording was erased" })));
  await ada.goto(`${BASE}/settings`);
  await ada.getByRole("radio", { name: /^A day/ }).first().check();
  await ada.getByRole("button", { name: "Save" }).first().click();
  check("a choice is saved", await seen(ada.getByText("Saved. It holds from now on.")));
  await ada.goto(`${BASE}/history`);
  await ada.getByRole("button", { name: "Deutsch" }).first().click();
  check("it speaks German", await seen(ada.getByRole("heading", { name: "Verlauf" })));
  await ada.getByRole("button", { name: "Abmelden" }).first().click();
  check("signed out", await soon(() => /sign-in/.test(ada.url())));
  quiet(ada);
});
