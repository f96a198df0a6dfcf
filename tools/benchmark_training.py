"""Times the training step and says how near it is to the machine's ceiling.

    python -m tools.benchmark_training --precision=mixed_bfloat16

Prints one line of JSON: the median and the spread of the step, target tokens
a second, the step's matrix products in GFLOP/s, those of a bare large matrix
product in the same process, and the ratio of the two.
"""

import json
import statistics
import time

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

import keras_transformer as kt
from trainers import program

_LAYERS = flags.DEFINE_integer(
    "layers", 3, "Encoder and decoder blocks each.", lower_bound=1
)
_MODEL_DIM = flags.DEFINE_integer("model_dim", 256, "d_model.", lower_bound=1)
_FEED_FORWARD_DIM = flags.DEFINE_integer(
    "feed_forward_dim", 1024, "d_ff.", lower_bound=1
)
_NUM_HEADS = flags.DEFINE_integer("num_heads", 8, "Heads.", lower_bound=1)
_VOCABULARY_SIZE = flags.DEFINE_integer(
    "vocabulary_size", 8000, "Pieces.", lower_bound=5
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 64, "Sentences.", lower_bound=1
)
_LENGTH = flags.DEFINE_integer(
    "length", 32, "Tokens of each side.", lower_bound=1
)
_STEPS = flags.DEFINE_integer("steps", 12, "Timed steps.", lower_bound=3)
_PRECISION = flags.DEFINE_string("precision", "float32", "A Keras policy.")
_JIT_COMPILE = flags.DEFINE_boolean("jit_compile", False, "Use XLA.")


class StepTimes(keras.callbacks.Callback):
    """Collects the seconds of every step."""

    def __init__(self):
        super().__init__()
        self.seconds = []
        self._start = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # Waits until the step is done.
        self.seconds.append(time.perf_counter() - self._start)


def step_flops() -> float:
    """Floating-point operations of one step's matrix products.

    A product of an (M, K) and a (K, N) matrix takes 2 M K N, and training
    three times as much: once forward, twice backward.
    """
    dim, length = _MODEL_DIM.value, _LENGTH.value
    feed_forward = 2 * dim * _FEED_FORWARD_DIM.value
    # Projections of queries, keys, values and output; scores; weighted sum.
    attention = 4 * dim * dim + 2 * length * dim
    encoder = attention + feed_forward
    decoder = 2 * attention + feed_forward
    per_token = _LAYERS.value * (encoder + decoder)
    per_token += dim * _VOCABULARY_SIZE.value
    return 3 * 2 * per_token * _BATCH_SIZE.value * length


def ceiling_flops(dtype: str) -> float:
    """Operations a second of a large matrix product."""
    size = 2048
    a = tf.cast(tf.random.normal((size, size)), dtype)
    product = tf.function(lambda x: tf.matmul(x, x))
    product(a)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        product(a)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(seconds)


@program.main
def main():
    config = kt.TransformerConfig(
        vocabulary_size=_VOCABULARY_SIZE.value,
        num_encoder_layers=_LAYERS.value,
        num_decoder_layers=_LAYERS.value,
        model_dim=_MODEL_DIM.value,
        num_heads=_NUM_HEADS.value,
        feed_forward_dim=_FEED_FORWARD_DIM.value,
        normalization="pre",
    )
    model = kt.build_transformer(config, dtype=_PRECISION.value)
    model.compile(
        kt.training.paper_adam(_MODEL_DIM.value),
        kt.training.SmoothedCrossEntropy(),
        jit_compile=_JIT_COMPILE.value,
    )
    shape = (_BATCH_SIZE.value, _LENGTH.value)
    generator = np.random.default_rng(0)
    ids = generator.integers(4, _VOCABULARY_SIZE.value, shape, dtype="int32")
    inputs = {"source_ids": ids, "target_input_ids": ids}
    batch = (inputs, ids, np.ones(shape, "float32"))
    times = StepTimes()
    # The first steps trace the graph and warm the caches.
    warm_up = 3
    model.fit(
        tf.data.Dataset.from_tensors(batch).repeat(),
        steps_per_epoch=_STEPS.value + warm_up,
        callbacks=[times],
        shuffle=False,
        verbose=0,
    )
    seconds = times.seconds[warm_up:]
    median = statistics.median(seconds)
    dtype = "float32" if _PRECISION.value == "float32" else model.compute_dtype
    ceiling = ceiling_flops(dtype)
    achieved = step_flops() / median
    print(
        json.dumps(
            {
                "precision": _PRECISION.value,
                "jit_compile": _JIT_COMPILE.value,
                "parameters": model.count_params(),
                "step_ms": round(1e3 * median, 1),
                "step_ms_range": [
                    round(1e3 * min(seconds), 1),
                    round(1e3 * max(seconds), 1),
                ],
                "target_tokens_per_second": round(ids.size / median),
                "gflops": round(achieved / 1e9, 1),
                "ceiling_gflops": round(ceiling / 1e9, 1),
                "share_of_ceiling": round(achieved / ceiling, 3),
            }
        )
    )


if __name__ == "__main__":
    app.run(main)
