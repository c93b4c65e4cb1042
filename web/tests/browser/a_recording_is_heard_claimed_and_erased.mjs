// Playback that really decodes, claim and dispute, each way of erasing, receipts, and who listened.
import { tell, person, signIn, check, quiet, BASE, seen } from "./house.mjs";
import { readFileSync } from "node:fs";

const entries = (page) => page.locator("[data-entry]").count();

await tell(async (browser) => {
  const ada = await person(browser, { acceptDownloads: true });
  await signIn(ada, "Ada");
  const all = await entries(ada);
  const row = ada.locator("[data-entry]", { hasText: "kitchen lights" });
  const asked = [];
  ada.on("request", (request) => { if (request.url().includes("/audio")) asked.push(request.url()); });
  check("looking at the list fetches no sound", asked.length === 0);
  await row.locator("button.play").click();
  await row.locator("button.play[data-seconds]").waitFor();
  const seconds = Number(await row.locator("button.play").getAttribute("data-seconds"));
  check(`the recording decodes: ${seconds} s`, seconds > 2 && seconds < 4);
  await ada.waitForFunction(() => Number(document.querySelector("button.play[data-at]")?.dataset.at) > 0.2);
  check("it plays", true);
  const colours = await row.locator("canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(Array.from({ length: data.length / 4 }, (_, n) => data.slice(n * 4, n * 4 + 4).join())).size;
  });
  check("the wave is drawn, with its pre-roll", colours >= 3);

  await row.locator("a.words").click();
  check("why it was done is said", await seen(ada.getByText("turn on [the] {name}")));
  check("who listened is said", await seen(ada.getByText(/You listened to 1 recording/)));
  await ada.getByRole("button", { name: "This was not me" }).click();
  check("disputed, it is the house's", await seen(ada.getByText("It belongs to the house")));
  await ada.getByRole("button", { name: "This was me" }).click();
  check("claimed, it is hers", await seen(ada.getByText("It is yours. It was claimed on this page.")));

  // One.
  await ada.getByRole("button", { name: "Erase this recording" }).click();
  const dialog = ada.locator("dialog[open]");
  check("the dialog says what goes", await seen(dialog.getByText("This cannot be undone.")));
  await dialog.getByRole("link", { name: "Keep it" }).click();
  check("kept, it is still there", await seen(ada.getByText("turn on the kitchen lights")));
  await ada.getByRole("button", { name: "Erase this recording" }).click();
  await dialog.getByRole("button", { name: "Erase 1 recording" }).click();
  await ada.waitForURL(/receipts/);
  check("there is a receipt", await seen(ada.getByRole("heading", { name: "1 recording was erased" })));
  const [file] = await Promise.all([ada.waitForEvent("download"), ada.getByRole("link", { name: "Download the receipt" }).click()]);
  const receipt = readFileSync(await file.path(), "utf8");
  check("the receipt is signed and says nothing of the content", /signature: [0-9a-f]{128}/.test(receipt) && !receipt.includes("kitchen"));
  await ada.goto(`${BASE}/history`);
  check("it is gone from the list", (await entries(ada)) === all - 1);

  // Selected.
  for (const words of ["cappuccino", "blinds"]) await ada.locator("[data-entry]", { hasText: words }).getByRole("checkbox").check();
  await ada.getByRole("button", { name: "Erase 2 recordings" }).click();
  await dialog.getByRole("button", { name: "Erase 2 recordings" }).click();
  await ada.waitForURL(/receipts/);

  // By words: they are never in the address.
  await ada.goto(`${BASE}/history`);
  await ada.getByText("Search and filter").click();
  await ada.getByLabel("Words").fill("heating");
  await ada.getByRole("button", { name: "Show", exact: true }).click();
  check("a search finds it", (await entries(ada)) === 1 && !ada.url().includes("heating"));
  await ada.getByRole("button", { name: /Erase the 1 recording shown: “heating”/ }).click();
  await dialog.getByRole("button", { name: "Erase 1 recording" }).click();
  await ada.waitForURL(/receipts/);

  // By filter.
  await ada.goto(`${BASE}/history?area=Kitchen&person=mine`);
  const kitchen = await entries(ada);
  await ada.getByRole("button", { name: new RegExp(`Erase all ${kitchen} recordings shown: Mine, Kitchen`) }).click();
  check("the dialog names the filter", await seen(dialog.getByText("What is chosen: Mine, Kitchen.")));
  await dialog.getByRole("button", { name: `Erase ${kitchen} recordings` }).click();
  await ada.waitForURL(/receipts/);
  await ada.goto(`${BASE}/history?area=Kitchen&person=mine`);
  check("the kitchen is empty", (await entries(ada)) === 0);

  // Everything.
  await ada.goto(`${BASE}/history`);
  await ada.getByRole("button", { name: /Erase (all|the)/ }).click();
  await dialog.getByRole("button", { name: /Erase \d+ recordings?/ }).click();
  await ada.waitForURL(/receipts/);
  await ada.goto(`${BASE}/history`);
  check("nothing is left", await seen(ada.getByText("Nothing here")));
  await ada.goto(`${BASE}/listened`);
  check("the log is whole", await seen(ada.getByText("The log is whole")));
  check("every receipt is listed", (await ada.getByRole("link", { name: /erased$/ }).count()) === 5);
  quiet(ada);
});
