#!/usr/bin/env python3
"""The same sound through pymicro-wakeword (PyPI), to compare this crate with.

    python3 -m venv /tmp/peer && /tmp/peer/bin/pip install pymicro-wakeword soundfile
    peer.py SHARED golden  > tests/data/peer.txt     what tests/agreement.rs expects
    peer.py SHARED compare BENCH                     every wake and negative clip, value by value
    peer.py SHARED time FILE SECONDS RUNS            CPU seconds per second of sound, by model
    peer.py SHARED detect MODEL                      for `sotto-satellite evaluate --beside`

SHARED holds speech/ and models/wake/; BENCH is the program that benches/ear.rs makes. Each clip is followed by half
a second of silence.
"""
import collections
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures

FEATURE_UNIT = 0.0390625


def clips(shared, *categories):
    lines = (shared / "speech/manifest.jsonl").read_text().splitlines()
    return [c["file"] for c in map(json.loads, lines) if c["category"].startswith(categories)]


def sound(shared, clip):
    samples, rate = soundfile.read(shared / "speech" / clip, dtype="int16")
    assert rate == 16000, clip
    return np.concatenate([samples, np.zeros(8000, np.int16)])


def models(shared):
    return sorted(path.stem for path in (shared / "models/wake").glob("*.json"))


def load(shared, name):
    model = MicroWakeWord.from_config(shared / f"models/wake/{name}.json")
    # A sliding window of one gives each run's own probability.
    model.sliding_window_size = 1
    model._probabilities = collections.deque(maxlen=1)
    return model


def probabilities(model, features):
    runs = []
    for number, window in enumerate(features, 1):
        probability = model.process_streaming_prob(window)
        if number % model.stride == 0:
            runs.append(round(probability * 256))
    return bytes(runs)


def traces(shared, clip, names):
    features = list(MicroWakeWordFeatures().process_streaming(sound(shared, clip).tobytes()))
    raw = (np.concatenate(features) / FEATURE_UNIT).round().astype("<u2").tobytes()
    yield "features", raw
    for name in names:
        model = load(shared, name)
        yield name, probabilities(model, features)
        model.close()


def golden(shared):
    chosen = [c for category in ("wake/alexa", "wake/computer", "wake/amelia", "neg/libri", "neg/short_mycroft_es")
              for c in sorted(clips(shared, category))[5:7]]
    for clip in chosen:
        for name, raw in traces(shared, clip, models(shared)):
            print(clip, name, raw.hex() if name != "features" else fnv(raw))


def fnv(raw):
    """FNV-1a, 64 bits: features are too many to write down."""
    value = 0xCBF29CE484222325
    for byte in raw:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def compare(shared, bench):
    chosen = clips(shared, "wake/", "neg/", "home/", "noise/")
    files = [str(shared / "speech" / clip) for clip in chosen]
    command = [bench, "trace", str(shared / "models/wake"), *files]
    ours = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    ours = {tuple(line.split()[:2]): bytes.fromhex(line.split()[2]) for line in ours.stdout.splitlines()}
    values, different = collections.Counter(), collections.Counter()
    for clip, file in zip(chosen, files):
        for name, theirs in traces(shared, clip, models(shared)):
            kind = "<u2" if name == "features" else "u1"
            a, b = (np.frombuffer(raw, kind) for raw in (ours[file, name], theirs))
            assert len(a) == len(b), (clip, name)
            values[name] += len(a)
            different[name] += int((a != b).sum())
    for name in values:
        print(f"{name:15} {values[name]:9} values, {different[name]} different")


def timing(shared, file, seconds, runs):
    samples, _ = soundfile.read(file, dtype="int16")
    pcm = np.resize(samples, int(seconds) * 16000).tobytes()

    def least(run):
        spent = []
        for _ in range(int(runs)):
            begin = time.process_time()
            run()
            spent.append(time.process_time() - begin)
        return min(spent) / int(seconds)

    # In chunks of 20 ms, as from a microphone.
    def front_end():
        frontend = MicroWakeWordFeatures()
        return [window for at in range(0, len(pcm), 640) for window in frontend.process_streaming(pcm[at:at + 640])]

    front, windows = least(front_end), front_end()
    print(json.dumps({"what": "-", "whole": front, "network": 0}))
    for name in models(shared):
        model = MicroWakeWord.from_config(shared / f"models/wake/{name}.json")
        network = least(lambda: [model.process_streaming(window) for window in windows])
        print(json.dumps({"what": name, "whole": front + network, "network": network}))


def detect(shared, name):
    """Answers each recording with where the word was detected: once a crossing, and not within a second."""
    while len(count := sys.stdin.buffer.read(4)) == 4:
        pcm = sys.stdin.buffer.read(2 * int.from_bytes(count, "little"))
        model = MicroWakeWord.from_config(shared / f"models/wake/{name}.json")
        begin = time.process_time()
        at, armed, quiet_until = [], True, 0
        frontend, number = MicroWakeWordFeatures(), 0
        for start in range(0, len(pcm), 640):
            for window in frontend.process_streaming(pcm[start:start + 640]):
                number += 1
                yes = model.process_streaming(window)
                if number % model.stride:
                    continue
                if yes and armed and number >= quiet_until:
                    at.append((number + 2) * 160)
                    quiet_until, armed = number + 100, False
                elif not yes:
                    armed = True
        spent = time.process_time() - begin
        model.close()
        print(json.dumps({"at": at, "cpu": spent}), flush=True)


if __name__ == "__main__":
    shared, what, *rest = Path(sys.argv[1]), *sys.argv[2:]
    {"golden": golden, "compare": compare, "time": timing, "detect": detect}[what](shared, *rest)
