"""Teaches the voice network: teach.py POOL OUT.bin STEPS (3000 steps of 16 pieces)."""

import glob
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

BANDS, HIDDEN, SCALE = 25, 160, 4.0
AROUND = [-24, -14, -8, -5, -3, -2, -1, 0, 1, 2, 3, 5, 8, 14, 24]
VARIANCES = "/usr/share/pocketsphinx/model/en-us/en-us/variances"


def inputs(noisy):
    """Levels against the loud part of the piece, and rises above the quiet of each band."""
    ordered = np.sort(noisy, axis=0)
    quiet, loud = ordered[int(0.10 * (len(noisy) - 1))], ordered[int(0.95 * (len(noisy) - 1))]
    return np.concatenate([(noisy - loud.mean()) / SCALE, (noisy - quiet) / SCALE], 1), loud.mean()


def start(key):
    keys = jax.random.split(key, 3)
    matrix = lambda key, rows, columns: jax.random.normal(key, (rows, columns)) * np.sqrt(2.0 / rows)
    last = matrix(keys[2], HIDDEN, BANDS + 1) * 0.1
    return [
        (matrix(keys[0], BANDS * (len(AROUND) + 1), HIDDEN), jnp.zeros(HIDDEN)),
        (matrix(keys[1], HIDDEN, HIDDEN), jnp.zeros(HIDDEN)),
        (last, jnp.concatenate([jnp.full(BANDS, -1.0), jnp.zeros(1)])),
    ]


def later(rows, by):
    """Row t + by at t; the first and last are repeated."""
    if by >= 0:
        return jnp.pad(rows[:, by:], ((0, 0), (0, by), (0, 0)), mode="edge")
    return jnp.pad(rows[:, :by], ((0, 0), (-by, 0), (0, 0)), mode="edge")


def network(layers, given):
    hidden = jnp.concatenate([later(given[..., :BANDS], by) for by in AROUND] + [given[..., BANDS:]], -1)
    for weights, biases in layers[:-1]:
        hidden = jax.nn.relu(hidden @ weights + biases)
    out = hidden @ layers[-1][0] + layers[-1][1]
    return out[..., :BANDS], out[..., BANDS]


def cosines():
    rows = np.zeros((13, BANDS), np.float32)
    for i in range(13):
        lifter = (1 + 11 * np.sin(i * np.pi / 22)) * np.sqrt((1 if i == 0 else 2) / BANDS)
        rows[i] = lifter * np.cos(np.pi / BANDS * i * (np.arange(BANDS) + 0.5))
    return rows


def deviations():
    """Standard deviations of the acoustic model's Gaussians: cepstra, slopes, slopes of slopes."""
    content = open(VARIANCES, "rb").read()
    start = content.index(b"endhdr\n") + 7 + 32
    variances = np.frombuffer(content[start : start + 4 * 42 * 3 * 128 * 13], "<f4").reshape(42, 3, 128, 13)
    return np.sqrt(np.median(variances, axis=(0, 2)))


COSINES, DEVIATIONS = cosines(), deviations()


def loss(layers, given, noisy, clean, level, voice):
    taken, spoken = network(layers, given)
    # What lies ten nepers below the voice is of no interest.
    floor = level[:, None, None] - 10.0
    target = jnp.logaddexp(jnp.minimum(clean, noisy), floor)
    error = jnp.logaddexp(noisy - jax.nn.softplus(taken), floor) - target
    weight = 0.15 + voice[..., None]
    huber = lambda z: jnp.where(jnp.abs(z) < 2.0, 0.5 * z * z, 2.0 * jnp.abs(z) - 2.0)
    cepstra = error @ COSINES.T
    slopes = later(cepstra, 2) - later(cepstra, -2)
    bends = (later(cepstra, 3) - later(cepstra, -1)) - (later(cepstra, 1) - later(cepstra, -3))
    streams = zip((cepstra, slopes, bends), DEVIATIONS)
    features = sum(jnp.mean(weight * huber(stream / deviation)) for stream, deviation in streams)
    whether = jnp.mean(jnp.maximum(spoken, 0) - spoken * voice + jnp.log1p(jnp.exp(-jnp.abs(spoken))))
    return features + 0.5 * jnp.mean(weight * jnp.abs(error)) + 0.3 * whether


def read(path):
    noisy, clean, voice = (part.astype(np.float32) for part in np.load(path).values())
    given, level = zip(*(inputs(piece) for piece in noisy))
    return np.stack(given).astype(np.float32), noisy, clean, np.array(level, np.float32), voice


def main(pool, out, steps):
    files = [read(path) for path in sorted(glob.glob(f"{pool}/*.npz"))]
    kept, files[0] = tuple(part[:128] for part in files[0]), tuple(part[128:] for part in files[0])
    layers = start(jax.random.PRNGKey(0))
    speed = optax.warmup_cosine_decay_schedule(0, 2e-3, 200, steps, 2e-5)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(speed))
    state = optimiser.init(layers)

    @jax.jit
    def step(layers, state, *batch):
        value, slope = jax.value_and_grad(loss)(layers, *batch)
        change, state = optimiser.update(slope, state)
        return optax.apply_updates(layers, change), state, value

    held_out = jax.jit(loss)
    random = np.random.default_rng(0)
    for number in range(1, steps + 1):
        file = files[random.integers(len(files))]
        chosen = random.choice(len(file[0]), 16, replace=False)
        layers, state, value = step(layers, state, *(part[chosen] for part in file))
        if number % 250 == 0 or number == steps:
            print(number, f"{float(value):.4f}, held out {float(held_out(layers, *kept)):.4f}", flush=True)
    flat = [np.asarray(part).ravel() for layer in layers for part in layer]
    np.concatenate(flat).astype("<f2").tofile(out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
