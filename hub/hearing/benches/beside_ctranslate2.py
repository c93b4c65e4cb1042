"""Times CTranslate2 on Whisper's dimensions with random weights: LAYERS HEADS WIDTH THREADS WORDS RUNS.

Prints the median wall milliseconds and the mean CPU milliseconds of one clip."""

import json
import os
import resource
import sys
import tempfile
import time

import ctranslate2
import numpy as np
from ctranslate2.specs import WhisperSpec

layers, heads, width, threads, words, runs = map(int, sys.argv[1:7])
VOCABULARY, BANDS = 51864, 80
random = np.random.default_rng(1)


def matrix(*shape):
    return (random.standard_normal(shape) * 0.02).astype(np.float32)


def linear(layer, rows, columns, bias=True):
    layer.weight = matrix(rows, columns)
    if bias:
        layer.bias = matrix(rows)


def norm(layer):
    layer.gamma = np.ones(width, np.float32)
    layer.beta = np.zeros(width, np.float32)


def attention(layer, crossed=False):
    norm(layer.layer_norm)
    if crossed:
        linear(layer.linear[0], width, width)
        linear(layer.linear[1], 2 * width, width)
    else:
        linear(layer.linear[0], 3 * width, width)
    linear(layer.linear[-1], width, width)


def perceptron(layer):
    norm(layer.layer_norm)
    linear(layer.linear_0, 4 * width, width)
    linear(layer.linear_1, width, 4 * width)


spec = WhisperSpec(layers, heads, layers, heads)
encoder, decoder = spec.encoder, spec.decoder
encoder.conv1.weight, encoder.conv1.bias = matrix(width, BANDS, 3), matrix(width)
encoder.conv2.weight, encoder.conv2.bias = matrix(width, width, 3), matrix(width)
encoder.position_encodings.encodings = matrix(1500, width)
norm(encoder.layer_norm)
for layer in encoder.layer:
    attention(layer.self_attention)
    perceptron(layer.ffn)
decoder.embeddings.weight = matrix(VOCABULARY, width)
decoder.projection.weight = decoder.embeddings.weight
decoder.position_encodings.encodings = matrix(448, width)
norm(decoder.layer_norm)
for layer in decoder.layer:
    attention(layer.self_attention)
    attention(layer.attention, crossed=True)
    perceptron(layer.ffn)
names = [f"<{i}>" for i in range(VOCABULARY)]
for number, name in {
    50256: "<|endoftext|>",
    50257: "<|startoftranscript|>",
    50357: "<|translate|>",
    50358: "<|transcribe|>",
    50361: "<|nospeech|>",
    50362: "<|notimestamps|>",
}.items():
    names[number] = name
spec.register_vocabulary(names)
with tempfile.TemporaryDirectory() as folder:
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(folder)
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    config.update(suppress_ids=[50256], suppress_ids_begin=[], lang_ids=[], alignment_heads=[])
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    model = ctranslate2.models.Whisper(folder, device="cpu", compute_type="int8", intra_threads=threads)
    features = ctranslate2.StorageView.from_array(matrix(1, BANDS, 3000))

    def once():
        # As many words, and the two timestamps around them; the end never comes by itself.
        encoded = model.encode(features)
        model.generate(encoded, [[50257]], beam_size=1, max_length=words + 4, suppress_tokens=[50256])

    once()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    before = usage.ru_utime + usage.ru_stime
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = (usage.ru_utime + usage.ru_stime - before) / runs
    print(f"{sorted(times)[runs // 2] * 1000:.1f} {cpu * 1000:.1f}")
