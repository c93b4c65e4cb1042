"""Mixes speech and noise into pieces of 5 s: mix.py SPEECH POOL COUNT (files of 256 pieces each)."""

import json
import os
import sys

import numpy as np
import soundfile
from scipy.signal import lfilter

BANDS, STEP, WINDOW, FRAMES = 25, 160, 410, 512
LENGTH = WINDOW + STEP * (FRAMES - 1)
ROUND = (1 << 64) - 1


def half(speaker):
    """0: this speaker may be learned from, 1: only measured on."""
    state = 0xCBF29CE484222325
    for byte in speaker.encode():
        state = ((state ^ byte) * 0x100000001B3) & ROUND
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & ROUND
    return (state ^ (state >> 31)) % 2


def mel_filters():
    """The same triangles as `features.rs`."""
    mel = lambda hertz: 2595 * np.log10(1 + hertz / 700)
    hertz = lambda mel: 700 * (10 ** (mel / 2595) - 1)
    bin_width, low = 16000 / 512, mel(130.0)
    width = (mel(6800.0) - low) / (BANDS + 1)
    corners = [np.floor(hertz(low + k * width) / bin_width + 0.5) * bin_width for k in range(BANDS + 2)]
    filters = np.zeros((BANDS, 257), np.float32)
    for band in range(BANDS):
        left, centre, right = corners[band : band + 3]
        for number in range(257):
            at = number * bin_width
            if left <= at <= right:
                filters[band, number] = 2 / (right - left) * min((at - left) / (centre - left), (right - at) / (right - centre))
    return filters


FILTERS = mel_filters()
HAMMING = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))).astype(np.float32)


def bands(sound):
    """Energies of the mel bands, a row for each 10 ms."""
    emphasised = np.empty_like(sound, dtype=np.float32)
    emphasised[0] = sound[0]
    emphasised[1:] = sound[1:] - 0.97 * sound[:-1]
    count = (len(emphasised) - WINDOW) // STEP + 1
    if count < 1:
        return np.zeros((0, BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, WINDOW)[::STEP][:count] * HAMMING
    power = np.abs(np.fft.rfft(frames, 512).astype(np.complex64)) ** 2
    return (power @ FILTERS.T).astype(np.float32)


def smooth(rows, half_width):
    kernel = np.ones(2 * half_width + 1)
    count = np.convolve(np.ones(len(rows)), kernel, "same")
    return np.stack([np.convolve(column, kernel, "same") / count for column in rows.T], 1)


def spoken(rows):
    """Where somebody speaks in a clean recording: what rises above the quiet, runs of at least 40 ms."""
    quiet = np.quantile(smooth(rows, 5), 0.15, axis=0)
    rise = np.clip(np.log((smooth(rows, 2) + 1) / (quiet + 1)), 0, 4).mean(1)
    low, high = np.quantile(rise, 0.1), np.quantile(rise, 0.95)
    voice = rise > low + max(0.2 * (high - low), 0.15)
    start = 0
    while start < len(voice):
        end = start
        while end < len(voice) and voice[end] == voice[start]:
            end += 1
        if voice[start] and end - start < 4:
            voice[start:end] = False
        start = end
    return voice


def loudest(sound):
    """Energy of the loudest 2048 samples, as in the mixing rule of the speech-to-intent benchmark."""
    whole = len(sound) // 2048 * 2048
    return max(1.0, (sound[:whole].reshape(-1, 2048) ** 2).mean(1).max()) if whole else 1.0


class Mixer:
    GROUPS = {"s2i": 0.36, "libri": 0.26, "asr": 0.08, "wake": 0.14, "short": 0.06, "long": 0.10}

    def __init__(self, folder, seed):
        self.random = np.random.default_rng(seed)
        self.speech, self.noises, self.talk = {group: [] for group in self.GROUPS}, [], []
        for line in open(os.path.join(folder, "manifest.jsonl")):
            clip = json.loads(line)
            category, path = clip["category"], os.path.join(folder, clip["file"])
            if category.startswith(("tts", "home")) or category == "noise/babble12":
                continue
            sound = soundfile.read(path, dtype="int16")[0].astype(np.float32)
            if category == "noise/picovoice_kitchen":
                self.kitchen = sound[: len(sound) // 2]
            elif category.startswith("noise/"):
                self.noises.append(sound)
            elif category.startswith("neg_long"):
                self.speech["long"] += [sound[i : i + 160_000] for i in range(0, len(sound), 160_000)]
            elif category == "s2i":
                if half(clip["speaker_cluster"]) == 0:
                    self.speech["s2i"].append(sound)
            else:
                known = [g for g in ("libri", "asr", "wake") if g in category]
                self.speech[known[0] if known else "short"].append(sound)
                if len(sound) > 16_000:
                    self.talk.append(sound)
        self.noises.append(self.kitchen)

    def any(self, things):
        return things[self.random.integers(len(things))]

    def crop(self, sound):
        start = self.random.integers(len(sound))
        return np.take(sound, np.arange(start, start + LENGTH), mode="wrap").astype(np.float32)

    def faster(self, sound, by):
        count = int(len(sound) / by) - 2
        return sound if count < 2 else np.interp(np.arange(count) * by, np.arange(len(sound)), sound).astype(np.float32)

    def tilt(self, sound, by):
        return lfilter([1, self.random.uniform(-by, by)], [1], sound).astype(np.float32)

    def noise(self):
        kind = self.random.random()
        if kind < 0.16:
            return self.crop(self.kitchen)
        if kind < 0.42:
            return self.crop(self.any(self.noises))
        if kind < 0.52:
            one, other = self.crop(self.any(self.noises)), self.crop(self.any(self.noises))
            return 3000 * (one / loudest(one) ** 0.5 + self.random.uniform(0.1, 1) * other / loudest(other) ** 0.5)
        if kind < 0.90:
            sum = np.zeros(LENGTH, np.float32)
            for _ in range(self.any([2, 3, 5, 8, 12, 12, 12, 16])):
                voice = self.crop(self.faster(self.any(self.talk), self.random.uniform(0.85, 1.15)))
                sum += self.random.uniform(0.5, 1) * 3000 / loudest(voice) ** 0.5 * voice
            return sum
        colour = self.random.uniform(0, 0.98)
        return lfilter([1], [1, -colour], self.random.standard_normal(LENGTH)).astype(np.float32) * 1000

    def piece(self):
        """Log bands with noise, log bands without, and where somebody speaks."""
        random = self.random
        group = random.choice(list(self.GROUPS), p=list(self.GROUPS.values()))
        clean, voice = np.zeros(LENGTH, np.float32), np.zeros(FRAMES, np.float32)
        at, speed, several, first = random.integers(16_000), random.uniform(0.88, 1.14), random.random() < 0.5, True
        while at < LENGTH - 8000 and (first or several):
            sound = self.faster(self.any(self.speech[group]), speed)
            if len(sound) > LENGTH:
                sound = sound[random.integers(len(sound) - LENGTH // 2) :]
            sound = sound[: LENGTH - at]
            if len(sound) > 4800:
                clean[at : at + len(sound)] += sound
                found, frame = spoken(bands(sound)), at // STEP
                count = min(len(found), FRAMES - frame)
                voice[frame : frame + count] = np.maximum(voice[frame : frame + count], found[:count])
            at += len(sound) + random.integers(12_000)
            first = False
        clean, noise = self.tilt(clean, 0.4), self.tilt(self.noise(), 0.5)
        decibels = 40.0 if random.random() < 0.1 else random.uniform(-1, 26)
        both = clean + noise * (loudest(clean) / loudest(noise) * 10 ** (-decibels / 10)) ** 0.5
        scale = random.uniform(0.15, 0.9) * 32767 / max(1, np.abs(both).max())
        log = lambda sound: np.log(bands(sound) + 1e-4)
        return log(np.trunc(both * scale)), log(clean * scale), voice


if __name__ == "__main__":
    speech, pool, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.makedirs(pool, exist_ok=True)
    mixer = Mixer(speech, 1)
    for number in range(count):
        pieces = zip(*(mixer.piece() for _ in range(256)))
        np.savez(os.path.join(pool, f"{number}.npz"), *(np.stack(part).astype(np.float16) for part in pieces))
        print(number + 1, "of", count, flush=True)
