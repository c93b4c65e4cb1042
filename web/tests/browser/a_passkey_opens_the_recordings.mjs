// A passkey: added by an authenticator that Chromium plays, then the way in without the passphrase.
import { tell, person, signIn, check, quiet, seen, axeFinds, BASE } from "./house.mjs";

const authenticator = async (page, options) => {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, hasPrf: true, ...options },
  });
  return { session, authenticatorId };
};

await tell(async (browser) => {
  const page = await person(browser, { ignoreHTTPSErrors: false });
  const { session, authenticatorId } = await authenticator(page, {});
  await signIn(page, "Ada");
  await page.goto(`${BASE}/account`);
  await page.getByLabel("Name of this device").fill("Ada's phone");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  check("the passkey is in the list", await seen(page.locator("#passkeys").getByText("Ada's phone")));

  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL(/sign-in/);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.waitForURL(/\/history/).catch(async () => { throw new Error(`${page.url()}: ${await page.locator("main").innerText()}`); });
  await page.goto(`${BASE}/history?period=week`);
  await page.locator("[data-entry]", { hasText: "kitchen lights" }).first().locator("a.words").click();
  await page.locator("button.play").click();
  await page.waitForSelector("button.play[data-seconds]");
  check("signed in by the passkey alone, what was recorded opens and plays", true);
  await page.goto(`${BASE}/account`);
  check("when it was used is told", await seen(page.locator("#passkeys").getByText("last used")));

  // What is removed here opens nothing, whatever the phone still has.
  await page.locator("#passkeys").getByRole("button", { name: "Remove" }).click();
  await page.waitForURL(/account/);
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.waitForURL(/sign-in/);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  check("a removed passkey is refused", await seen(page.getByText("This passkey does not fit")));
  await session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });

  // An authenticator without PRF could not open anything, so it is not registered.
  await authenticator(page, { hasPrf: false });
  await signIn(page, "Ben");
  await page.goto(`${BASE}/account`);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  check("one that cannot compute a key is told so", await seen(page.getByText("cannot compute a key")));
  check("axe-core finds nothing", (await axeFinds(page)).length === 0);
  quiet(page);
}, ["--ignore-certificate-errors"]);
