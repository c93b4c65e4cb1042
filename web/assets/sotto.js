// What HTML cannot do by itself: play a recording and show its wave, live entries, dialogs in place.
// Everything else works without this file.

const $ = (selector, root = document) => root.querySelector(selector);
const say = (key) => document.body.dataset[key] ?? "";
const trusted = window.trustedTypes?.createPolicy("sotto", { createHTML: (html) => html });
const parse = (html) => new DOMParser().parseFromString(trusted ? trusted.createHTML(html) : html, "text/html");
const announce = (text) => { const region = $("#live"); if (region) region.textContent = text; };

// Playback. Nothing is fetched before somebody presses play: fetching is listening, and is recorded as such.
let playing = null;

function colours() {
  const style = getComputedStyle(document.documentElement);
  return { wave: style.getPropertyValue("--accent"), rest: style.getPropertyValue("--soft"), before: style.getPropertyValue("--line") };
}

function draw(canvas, peaks, done, preRoll) {
  const scale = window.devicePixelRatio || 1;
  const width = (canvas.width = canvas.clientWidth * scale);
  const height = (canvas.height = canvas.clientHeight * scale);
  const context = canvas.getContext("2d");
  const { wave, rest, before } = colours();
  context.fillStyle = before;
  context.fillRect(0, 0, width * preRoll, height);
  const step = width / peaks.length;
  peaks.forEach((peak, n) => {
    const bar = Math.max(2 * scale, peak * height * 0.86);
    context.fillStyle = n / peaks.length <= done ? wave : rest;
    context.fillRect(n * step, (height - bar) / 2, Math.max(1, step * 0.62), bar);
  });
}

function peaksOf(buffer, count) {
  const samples = buffer.getChannelData(0);
  const each = Math.max(1, Math.floor(samples.length / count));
  const peaks = Array.from({ length: count }, (_, n) => {
    let most = 0;
    for (let at = n * each; at < Math.min(samples.length, (n + 1) * each); at++) most = Math.max(most, Math.abs(samples[at]));
    return most;
  });
  const loudest = Math.max(0.02, ...peaks);
  return peaks.map((peak) => peak / loudest);
}

function stop() {
  if (!playing) return;
  playing.audio.pause();
  playing.button.setAttribute("aria-pressed", "false");
  cancelAnimationFrame(playing.frame);
}

function follow(now) {
  draw(now.canvas, now.peaks, now.audio.currentTime / now.length, now.preRoll);
  now.button.dataset.at = now.audio.currentTime.toFixed(2);
  if (!now.audio.paused) now.frame = requestAnimationFrame(() => follow(now));
}

async function start(button) {
  stop();
  if (!button.recording) {
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.dataset.audio, { headers: { accept: "audio/ogg" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const bytes = await answer.arrayBuffer();
      const kind = answer.headers.get("content-type") ?? "audio/ogg";
      const context = new (window.OfflineAudioContext ?? window.webkitOfflineAudioContext)(1, 1, 48000);
      const buffer = await context.decodeAudioData(bytes.slice(0));
      const wave = $(`#${button.dataset.wave}`);
      wave.hidden = false;
      const canvas = $("canvas", wave);
      const audio = new Audio(URL.createObjectURL(new Blob([bytes], { type: kind })));
      const preRoll = Math.min(1, Number(answer.headers.get("sotto-pre-roll") || 0) / 1000 / buffer.duration);
      for (const note of wave.querySelectorAll("small")) note.hidden = preRoll === 0;
      const now = { button, audio, canvas, preRoll, length: buffer.duration, peaks: peaksOf(buffer, 120), frame: 0 };
      audio.addEventListener("ended", () => { button.setAttribute("aria-pressed", "false"); follow(now); });
      canvas.addEventListener("click", (event) => {
        audio.currentTime = (event.offsetX / canvas.clientWidth) * buffer.duration;
        follow(now);
      });
      button.dataset.seconds = buffer.duration.toFixed(2);
      button.recording = now;
    } catch {
      announce(say("cannotPlay"));
      const wave = $(`#${button.dataset.wave}`);
      wave.hidden = false;
      wave.textContent = say("cannotPlay");
      return;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
  playing = button.recording;
  button.setAttribute("aria-pressed", "true");
  await playing.audio.play();
  follow(playing);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.play");
  if (!button) return;
  if (button.getAttribute("aria-pressed") === "true") stop();
  else start(button);
});

// Dialogs: a link that asks before it does something opens in place; without this it is a page.
const dialogOf = async (address, options) => {
  const answer = await fetch(address, options);
  const card = $("#ask", parse(await answer.text()));
  if (!card) return false;
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "ask-title");
  dialog.append(document.adoptNode(card));
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) { event.preventDefault(); dialog.close(); }
  });
  dialog.showModal();
  return true;
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-dialog")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const action = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  try {
    if (await dialogOf(action, { method: "POST", body })) return;
  } catch { /* then as a page */ }
  form.removeAttribute("data-dialog");
  form.requestSubmit(event.submitter);
});

// How far a download is that is made while it is read; without this the browser shows that something comes.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.progress) return;
  const line = $("[role=status]", form), bar = $("progress", line), text = $("span", line);
  let seen = false;
  const look = async () => {
    const answer = await fetch(form.dataset.progress);
    if (answer.status === 200) {
      const { done, total, text: words } = await answer.json();
      seen = true;
      line.hidden = false;
      [bar.max, bar.value, text.textContent] = [Math.max(1, total), done, words];
    } else if (seen || !answer.ok) {
      [bar.value, text.textContent] = [bar.max, ""];
      return;
    }
    setTimeout(look, 500);
  };
  setTimeout(look, 300);
});

// Selection: how many are picked, said on the button.
function picked() {
  const button = $("#erase-picked");
  if (!button) return;
  const many = document.querySelectorAll("input[form=selection][name=id]:checked").length;
  button.hidden = many === 0;
  $("#bar").classList.toggle("some", many > 0);
  button.textContent = (many === 1 ? button.dataset.one : button.dataset.other).replace("{n}", String(many));
}
document.addEventListener("change", (event) => {
  if (event.target.id === "pick-all") {
    document.querySelectorAll("input[form=selection][name=id]").forEach((box) => { box.checked = event.target.checked; });
  }
  picked();
  if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
});
picked();

// Live: the server says that something changed; what it is comes as the page itself, under the same rules.
const list = $("[data-live]");
if (list && window.EventSource) {
  const refresh = async () => {
    const answer = await fetch(list.dataset.live);
    if (!answer.ok || answer.redirected) return;
    const fresh = $("[data-live]", parse(await answer.text()));
    if (!fresh) return;
    const had = new Set([...list.querySelectorAll("[data-entry]")].map((row) => row.dataset.entry));
    const has = new Set([...fresh.querySelectorAll("[data-entry]")].map((row) => row.dataset.entry));
    const changed = had.size !== has.size || [...has].some((id) => !had.has(id));
    if (!changed || (playing && !playing.audio.paused)) return;
    const ticked = new Set([...document.querySelectorAll("input[name=id]:checked")].map((box) => box.value));
    list.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
    let news = 0;
    for (const row of list.querySelectorAll("[data-entry]")) {
      const box = $("input[name=id]", row);
      if (box) box.checked = ticked.has(box.value);
      if (!had.has(row.dataset.entry)) { row.classList.add("fresh"); news += 1; }
    }
    picked();
    if (news) announce(say("newEntry"));
  };
  let waiting = 0;
  const source = new EventSource("/history/live");
  source.addEventListener("changed", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 150); });
  window.addEventListener("pagehide", () => source.close());
}

// How strong a passphrase is, as it is typed; the hub has the last word.
const strength = $("[data-strength]");
if (strength) {
  const meter = $(".strength"), text = $("#strength-text");
  strength.addEventListener("input", () => {
    const value = strength.value.trim();
    const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/, /[^\p{L}\d\s]/u, /\s/].filter((kind) => kind.test(value)).length;
    const distinct = new Set(value).size, words = value.split(/\s+/).filter((word) => word.length > 2).length;
    const worth = Math.min(value.length, distinct * 1.6) + kinds * 1.5 + Math.max(0, words - 2) * 3;
    const score = value.length === 0 ? 0 : value.length < 10 ? 1 : worth < 19 ? 2 : worth < 26 ? 3 : 4;
    meter.dataset.score = String(score);
    text.textContent = score ? say(`strength${score}`) : "";
  });
}

// The browser's microphone, as 16 kHz samples, from one press of the button to the next, and never longer than ten
// seconds.
const listens = (button, send) => {
  button.hidden = false;
  let recorder = null;
  button.addEventListener("click", async () => {
    if (recorder) { recorder.stop(); return; }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
      const chunks = [];
      recorder = new MediaRecorder(stream);
      recorder.addEventListener("dataavailable", (event) => chunks.push(event.data));
      recorder.addEventListener("stop", async () => {
        stream.getTracks().forEach((track) => track.stop());
        recorder = null;
        button.setAttribute("aria-pressed", "false");
        const context = new OfflineAudioContext(1, 1, 16000);
        const buffer = await context.decodeAudioData(await new Blob(chunks).arrayBuffer());
        const samples = Int16Array.from(buffer.getChannelData(0), (x) => Math.max(-32768, Math.min(32767, x * 32767)));
        await send(samples, { "content-type": "application/octet-stream", "x-csrf": button.dataset.csrf });
      });
      recorder.start();
      button.setAttribute("aria-pressed", "true");
      setTimeout(() => recorder?.stop(), 10_000);
    } catch { announce(say("noMicrophone")); }
  });
};

// Test bench: what the house would hear.
const speak = $("#speak");
if (speak && navigator.mediaDevices) {
  listens(speak, async (body, headers) => {
    const answer = await fetch("/bench/hear", { method: "POST", headers, body });
    if (answer.ok) $("#sentence").value = await answer.text(); else announce(await answer.text());
  });
}

// One's own voice: sentence by sentence.
const teach = $("#teach");
if (teach && navigator.mediaDevices) {
  listens(teach, async (body, headers) => {
    const answer = await fetch("/voice/take", { method: "POST", headers, body });
    if (answer.ok) location.reload(); else $("#taught").textContent = answer.status === 422 ? await answer.text() : say("noMicrophone");
  });
}

// Passkeys: the browser asks the authenticator for a signature and for the bytes that open the person's key.
const passkey = $("#passkey");
if (passkey && window.PublicKeyCredential) {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const put = (name, value) => {
    const field = $(`input[name=${name}]`, passkey) ?? Object.assign(document.createElement("input"), { type: "hidden", name });
    field.value = value;
    passkey.append(field);
  };
  const ask = async () => {
    const { challenge, salt } = await (await fetch("/passkey/question", { method: "POST" })).json();
    return { challenge: new TextEncoder().encode(challenge), userVerification: "required", extensions: { prf: { eval: { first: bytes(salt) } } } };
  };
  const get = async (allowCredentials) => navigator.credentials.get({ publicKey: { ...(await ask()), allowCredentials } });
  const prf = (credential) => credential.getClientExtensionResults().prf?.results?.first;
  const make = async () => {
    const { dataset } = passkey, { userVerification, ...question } = await ask();
    const credential = await navigator.credentials.create({ publicKey: { ...question,
      rp: { name: "Sotto" }, user: { id: bytes(dataset.person), name: dataset.name, displayName: dataset.name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -8 }],
      authenticatorSelection: { residentKey: "required", userVerification } } });
    // Some compute the bytes only when they are used.
    const enabled = credential.getClientExtensionResults().prf?.enabled;
    const computed = prf(credential) ?? (enabled && prf(await get([{ type: "public-key", id: credential.rawId }])));
    const { response } = credential;
    put("public", text(response.getPublicKey() ?? new ArrayBuffer(0)));
    put("data", text(response.getAuthenticatorData()));
    return [credential, computed];
  };
  const use = async () => {
    const credential = await get([]), { response } = credential;
    put("signature", text(response.signature));
    put("data", text(response.authenticatorData));
    return [credential, prf(credential)];
  };
  passkey.hidden = false;
  $("[data-passkey]", passkey).addEventListener("click", async () => {
    const line = $("[role=status]", passkey);
    line.textContent = "";
    try {
      const [credential, computed] = await (passkey.dataset.person ? make() : use());
      if (!computed) { line.textContent = passkey.dataset.noPrf; return; }
      put("credential", text(credential.rawId));
      put("client", text(credential.response.clientDataJSON));
      put("prf", text(computed));
      passkey.submit();
    } catch { line.textContent = passkey.dataset.trouble; }
  });
}

// How loud it is at a microphone, while somebody sets it up: for a minute after the button was pressed.
for (const button of document.querySelectorAll("[data-watch]")) {
  const meter = $("meter", button.parentElement);
  button.parentElement.hidden = false;
  let until = 0;
  const look = async () => {
    const answer = Date.now() < until && !document.hidden && await fetch("/house/levels").catch(() => null);
    if (!answer?.ok) { until = 0; meter.value = 0; button.setAttribute("aria-pressed", "false"); return; }
    meter.value = (await answer.json())[button.dataset.watch] ?? 0;
    setTimeout(look, 250);
  };
  button.addEventListener("click", () => {
    const begin = until === 0;
    until = begin ? Date.now() + 60_000 : 1;
    if (begin) { button.setAttribute("aria-pressed", "true"); look(); }
  });
}

// Models that are being fetched: how far they are, without disturbing who reads or is about to press a button.
const models = $("[data-refresh]");
if (models) {
  const look = async () => {
    if (!$("[data-state=pulling]", models)) return;
    const answer = document.hidden ? null : await fetch(models.dataset.refresh).catch(() => null);
    if (answer?.redirected) return;
    const page = answer?.ok ? parse(await answer.text()) : null;
    for (const fresh of page?.querySelectorAll("[data-state]") ?? []) {
      const old = document.getElementById(fresh.id);
      if (!old) continue;
      if (old.dataset.state !== fresh.dataset.state) {
        const focused = old.contains(document.activeElement);
        announce(`${$("h3", fresh).textContent}: ${$(".pill", fresh).textContent}`);
        old.replaceWith(document.adoptNode(fresh));
        if (focused) $("button", document.getElementById(fresh.id))?.focus();
      } else if (fresh.dataset.state === "pulling") {
        const part = $("progress", fresh).getAttribute("value");
        if (part !== null) $("progress", old).setAttribute("value", part);
        $("[data-arrived]", old).textContent = $("[data-arrived]", fresh).textContent;
      }
    }
    setTimeout(look, 1_000);
  };
  setTimeout(look, 1_000);
}

// A page that waits for something asks again by itself.
const again = $("form[data-again]");
if (again) setTimeout(() => again.requestSubmit(), 2_000);

// Review by keyboard alone.
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const button = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (button) { event.preventDefault(); button.focus(); button.click(); }
});
