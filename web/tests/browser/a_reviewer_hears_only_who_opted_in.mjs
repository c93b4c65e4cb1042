// Opting in and out, seen from two people's browsers; and taking one's own archive away.
import { tell, person, signIn, check, quiet, please, seen, BASE } from "./house.mjs";
import { readFileSync } from "node:fs";

async function reviewing(page, on) {
  await page.goto(`${BASE}/settings`);
  await page.getByRole("switch", { name: "Let household reviewers listen" }).setChecked(on);
  await page.getByRole("button", { name: "Save" }).first().click();
  await seen(page.getByText("Saved."));
}

await tell(async (browser) => {
  const ada = await person(browser, { acceptDownloads: true });
  const ben = await person(browser);
  await signIn(ada, "Ada");
  await signIn(ben, "Ben");
  await ada.goto(`${BASE}/people`);
  const bens = ada.locator("li", { has: ada.getByRole("heading", { name: "Ben" }) });
  await bens.getByRole("button", { name: "Make reviewer" }).click();
  check("Ben is a reviewer", await seen(bens.getByText("Reviewer", { exact: false }).first()));
  await ben.goto(`${BASE}/review`);
  check("before anybody opted in there is nothing to review", await seen(ben.getByText("Nothing to review")));

  await please("Ada says something");
  await ben.goto(`${BASE}/review`);
  check("what was said before opting in is not there", await seen(ben.getByText("Nothing to review")));
  await reviewing(ada, true);
  await please("Ada says something");
  await please("Ada says something");
  await ben.goto(`${BASE}/review`);
  check("a clip is there", await seen(ben.getByLabel("What was really said")));
  const page = await ben.locator("main").textContent();
  check("it has no name, area or time", !/Ada|Kitchen|\d\d:\d\d/.test(page));
  await ben.keyboard.press("p");
  await ben.locator("button.play[data-seconds]").waitFor();
  check("it is heard by keyboard alone", true);
  await ben.getByLabel("What was really said").fill("where are my shoes");
  await ben.locator("h1").click();
  await ben.keyboard.press("1");
  check("judged, the next one comes", await seen(ben.getByText("1 left")));
  await reviewing(ada, false);
  await ben.keyboard.press("p");
  check("taken back while it is open, it cannot be heard any more", await seen(ben.getByText("cannot be played").last()));
  await ben.goto(`${BASE}/review`);
  check("opted out, the queue is empty at once", await seen(ben.getByText("Nothing to review")));
  await ada.goto(`${BASE}/listened`);
  check("Ada sees that Ben reviewed", await seen(ada.getByText(/Ben reviewed 1 recording/).first()));

  await ada.goto(`${BASE}/export`);
  const [file] = await Promise.all([ada.waitForEvent("download"), ada.getByRole("button", { name: "Download the archive" }).click()]);
  const zip = readFileSync(await file.path());
  check(`the archive is a zip of ${zip.length} bytes with sound in it`, zip.subarray(0, 4).toString("latin1") === "PK\x03\x04" && zip.includes("OggS") && zip.includes("index.html"));
  quiet(ada);
});
