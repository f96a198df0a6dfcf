"""Times the training step, and compares it with a large matrix product.

    python -m tools.benchmark_training --precision=mixed_bfloat16

The program prints one line of JSON. It has the precision, whether XLA is used,
the number of parameters, the median and the range of the time of a step, and
target tokens per second. It also has the GFLOP/s of the step's matrix products,
the GFLOP/s of one large matrix product in the same process (the ceiling), and
the ratio of the two GFLOP/s.
"""

import dataclasses
import json
import statistics
import time

import keras
import tensorflow as tf

from tools.model_flags import training_sizes
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Timing(training_sizes.StepSizes):
    """The flags of the training step, and the number of timed steps."""

    steps: int = setting("Timed steps.", 12, least=3)


class StepTimes(keras.callbacks.Callback):
    """A callback that collects the seconds of every step."""

    def __init__(self):
        super().__init__()
        self.seconds = []
        self._start = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # Waits until the step is done.
        self.seconds.append(time.perf_counter() - self._start)


def step_flops(sizes: Timing) -> float:
    """Counts the floating-point operations of a step's matrix products.

    The product of a matrix with `x` rows and `y` columns, and a matrix with `y`
    rows and `z` columns, takes `2 * x * y * z` operations. The backward pass
    takes twice as many operations as the forward pass.

    Args:
        sizes: the flags. Sources and targets have the length `sizes.length`.
    """
    dim, length = sizes.model_dim, sizes.length
    feed_forward = 2 * dim * sizes.feed_forward_dim
    # For each token, the four projections of an attention layer do
    # `4 * dim * dim` multiplications. The attention scores and the weighted sum
    # do `length * dim` multiplications each.
    attention = 4 * dim * dim + 2 * length * dim
    encoder = attention + feed_forward
    decoder = 2 * attention + feed_forward
    per_token = sizes.layers * (encoder + decoder)
    per_token += dim * sizes.vocabulary_size
    return 3 * 2 * per_token * sizes.batch_size * length


def ceiling_flops(dtype: str) -> float:
    """Measures the floating-point operations per second of a matrix product.

    The square of a large matrix is computed once without timing, and then 7
    times with timing. The number of operations of one product is divided by the
    median of the 7 durations.

    Args:
        dtype: the type of the matrices.
    """
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


def step_seconds(model, sizes: Timing) -> list[float]:
    """Trains a compiled model, and returns the seconds of each timed step.

    Args:
        model: the model.
        sizes: the flags, with the sizes of a batch and the number of steps.
    """
    times = StepTimes()
    # The first steps are not timed, because they trace the graph and fill
    # caches.
    warm_up = 3
    model.fit(
        training_sizes.endless_batches(
            sizes.batch_size, sizes.length, sizes.vocabulary_size
        ),
        steps_per_epoch=sizes.steps + warm_up,
        callbacks=[times],
        shuffle=False,
        verbose=0,
    )
    return times.seconds[warm_up:]


@program.main(Timing)
def main(sizes):
    model = training_sizes.compiled_model(sizes, normalization="pre")
    seconds = step_seconds(model, sizes)
    median = statistics.median(seconds)
    dtype = "float32" if sizes.precision == "float32" else model.compute_dtype
    ceiling = ceiling_flops(dtype)
    achieved = step_flops(sizes) / median
    tokens = sizes.batch_size * sizes.length
    print(
        json.dumps(
            {
                "precision": sizes.precision,
                "jit_compile": sizes.jit_compile,
                "parameters": model.count_params(),
                "step_ms": round(1e3 * median, 1),
                "step_ms_range": [
                    round(1e3 * min(seconds), 1),
                    round(1e3 * max(seconds), 1),
                ],
                "target_tokens_per_second": round(tokens / median),
                "gflops": round(achieved / 1e9, 1),
                "ceiling_gflops": round(ceiling / 1e9, 1),
                "share_of_ceiling": round(achieved / ceiling, 3),
            }
        )
    )


if __name__ == "__main__":
    main.run()
