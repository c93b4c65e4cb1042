// New recordings appear by themselves, in the browsers of those they belong to, and in no other; erased ones go.
import { tell, person, signIn, check, quiet, please, BASE, seen } from "./house.mjs";

await tell(async (browser) => {
  const [ada, adaElsewhere, ben] = [await person(browser), await person(browser), await person(browser)];
  await signIn(ada, "Ada");
  await signIn(adaElsewhere, "Ada");
  await signIn(ben, "Ben");
  const before = await ben.locator("[data-entry]").count();
  let bensPage = 0;
  ben.on("request", (request) => { if (request.url().includes("/history")) bensPage += 1; });
  await please("Ada says something");
  await ada.getByText("where are my keys").waitFor();
  check("it appears without a reload", true);
  check("a screen reader is told", (await ada.locator("#live").textContent()).includes("Something new"));
  await adaElsewhere.getByText("where are my keys").waitFor();
  await ada.waitForTimeout(500);
  check("Ben sees nothing of it", (await ben.locator("[data-entry]").count()) === before);
  check("Ben's browser is not even told that there is something", bensPage === 0);

  await please("nobody in particular says something");
  await ben.getByText("is it going to rain").waitFor();
  await ada.getByText("is it going to rain").waitFor();
  check("what belongs to the house appears for each adult", true);

  await ada.locator("[data-entry]", { hasText: "where are my keys" }).getByRole("checkbox").check();
  await ada.getByRole("button", { name: "Erase 1 recording" }).click();
  await ada.locator("dialog[open]").getByRole("button", { name: "Erase 1 recording" }).click();
  await ada.waitForURL(/receipts/);
  await adaElsewhere.getByText("where are my keys").waitFor({ state: "detached" });
  check("erased in one browser, gone from the other at once", true);

  await ben.goto(`${BASE}/listened`);
  await ben.getByText("Who listened").first().waitFor();
  check("Ben sees that Ada read what is the house's", await seen(ben.getByText(/Ada read the words of \d+ recordings? of the house/).first()));
  check("Ben sees nothing about what is Ada's", (await ben.getByText(/keys/).count()) === 0);
  quiet(ada); quiet(ben);
});
