// What the first view costs on the wire, with nothing in the browser yet, and what the next one costs.
import { tell, person, signIn, check, quiet, BASE } from "./house.mjs";

/** Target for the first view, in bytes. */
const FIRST = 60_000;

await tell(async (browser) => {
  const page = await person(browser, { viewport: { width: 390, height: 844 } });
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0, requests = 0;
  session.on("Network.loadingFinished", (event) => { bytes += event.encodedDataLength; requests += 1; });
  const weigh = async (path) => {
    [bytes, requests] = [0, 0];
    await page.goto(`${BASE}/${path}`);
    await page.waitForLoadState("load");
    await page.waitForTimeout(300);
    return [bytes, requests];
  };
  const [first, asked] = await weigh("sign-in");
  check(`first view: ${first} bytes in ${asked} requests`, first < FIRST && asked <= 5);
  await signIn(page, "Ada");
  await session.send("Network.clearBrowserCache");
  const [history, again] = await weigh("history");
  check(`history, with an empty cache: ${history} bytes in ${again} requests`, history < FIRST && again <= 6);
  for (const path of ["history", "listened", "settings", "house", "people", "bench", "health", "account", "export", "voice"]) {
    const [next, requests] = await weigh(path);
    check(`${path}, with style and script there: ${next} bytes in ${requests} requests`, next < FIRST && requests <= 6);
  }
  quiet(page);
});
