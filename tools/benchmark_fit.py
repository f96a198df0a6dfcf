"""Compares our `fit` to Keras's, and calls of ten steps to calls of one step.

    python -m tools.benchmark_fit

makes two comparisons. Each comparison trains two models in one process, in
alternate rounds. The first comparison trains a Transformer with its own train
step, and the same Transformer inside of a plain `keras.Model` with Keras's
train step. The second comparison trains a small model with one step in a call
of the graph, and with ten steps in a call.

The program prints a line of JSON for each comparison. The line has the
milliseconds per step of both models, the ratio of these times, and the losses
of the first round, which is not timed. Each time and the ratio have a median
and a range. The first ratio is our time divided by Keras's time. The second
ratio is the time with ten steps in a call divided by the time with one step.
The program does not compare the two losses of a line. If the losses differ, the
two models were not trained in the same way.
"""

import dataclasses
import json
import statistics
import time

import keras

import keras_transformer as kt
from tools.model_flags import training_sizes
from tools.model_flags.training_sizes import TrainingSizes
from trainers import program
from trainers.settings_flags import setting


@dataclasses.dataclass(frozen=True)
class Rounds:
    """The flags for the numbers of rounds and of steps.

    With the small model, a round always has 100 steps.
    """

    rounds: int = setting("Rounds of each model.", 9, least=3)
    steps: int = setting("Steps of a round.", 10, least=10)


class PlainModel(keras.Model):
    """A model with Keras's own train step."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, inputs, training=None):
        return self.inner(inputs, training=training)


class RoundTime(keras.callbacks.Callback):
    """Callback that keeps the seconds and the loss of the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        # The loss is known only when all steps are done.
        self.loss = float(logs["loss"])
        self.seconds = time.perf_counter() - self._start


def make_transformer(layers, model_dim, vocabulary_size):
    """Makes a Transformer; equal arguments give equal weights.

    As in the paper, `feed_forward_dim` is 4 times `model_dim`.
    """
    keras.utils.set_random_seed(0)
    config = kt.TransformerConfig(
        vocabulary_size=vocabulary_size,
        num_encoder_layers=layers,
        num_decoder_layers=layers,
        model_dim=model_dim,
        num_heads=max(1, model_dim // 32),
        feed_forward_dim=4 * model_dim,
        normalization="pre",
    )
    return kt.build_transformer(config)


def compile_model(model, model_dim, jit_compile, **settings):
    """Compiles a model with the paper's loss and optimizer, and returns it."""
    model.compile(
        kt.training.paper_adam(model_dim),
        kt.training.SmoothedCrossEntropy(),
        weighted_metrics=[
            keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")
        ],
        jit_compile=jit_compile,
        **settings,
    )
    return model


def by_turns(models, batches, steps, rounds, callbacks=None):
    """Trains models in alternate rounds.

    The time of each model's first round is dropped, because this round traces
    the graph and warms the caches.

    Args:
        models: compiled models by name.
        batches: a data set without an end.
        steps: the number of steps of a round.
        rounds: the number of timed rounds of each model.
        callbacks: dict from the name of a model to a list of callbacks.

    Returns:
        Two dicts by the names of models: the milliseconds per step of each
        timed round, and the loss of the first round, whose time is dropped.
    """
    times = {name: [] for name in models}
    losses = {}
    for _ in range(1 + rounds):
        for name, model in models.items():
            clock = RoundTime()
            model.fit(
                batches,
                steps_per_epoch=steps,
                callbacks=[*(callbacks or {}).get(name, ()), clock],
                shuffle=False,
                verbose=0,
            )
            times[name].append(1e3 * clock.seconds / steps)
            losses.setdefault(name, clock.loss)
    return {name: values[1:] for name, values in times.items()}, losses


def compare(times, losses, ours, theirs):
    """Returns the numbers of a comparison: losses, times and their ratio.

    Each time and the ratio have a median and a range. The ratio is the time of
    the model `ours` divided by the time of the model `theirs`.

    Args:
        times: the first result of `by_turns`.
        losses: the second result of `by_turns`.
        ours: the name of a model.
        theirs: the name of the other model.
    """
    ratios = [
        our_time / their_time
        for our_time, their_time in zip(times[ours], times[theirs], strict=True)
    ]
    return {
        **{
            f"{name}_ms": round(statistics.median(values), 2)
            for name, values in times.items()
        },
        **{
            f"{name}_ms_range": [round(min(values), 2), round(max(values), 2)]
            for name, values in times.items()
        },
        **{f"{name}_loss": round(loss, 4) for name, loss in losses.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def against_keras(sizes: TrainingSizes, rounds: Rounds) -> dict:
    """Compares our train step with that of Keras, on the same model."""

    def transformer():
        return make_transformer(
            sizes.layers, sizes.model_dim, sizes.vocabulary_size
        )

    models = {
        name: compile_model(model, sizes.model_dim, sizes.jit_compile)
        for name, model in (
            ("ours", transformer()),
            ("keras", PlainModel(transformer())),
        )
    }
    batches = training_sizes.endless_batches(
        sizes.batch_size, sizes.length, sizes.vocabulary_size
    )
    times, losses = by_turns(models, batches, rounds.steps, rounds.rounds)
    return compare(times, losses, "ours", "keras")


def ten_in_a_call(rounds: int, jit_compile: bool) -> dict:
    """Compares ten steps in a call with one step in a call, for a small model.

    Args:
        rounds: the number of timed rounds of each model.
        jit_compile: whether XLA compiles the step.
    """
    sizes = {"layers": 1, "model_dim": 32, "vocabulary_size": 101}
    models = {
        name: compile_model(
            make_transformer(**sizes),
            32,
            jit_compile,
            steps_per_execution=steps,
        )
        for name, steps in (("one", 1), ("ten", 10))
    }
    batches = training_sizes.endless_batches(8, 8, sizes["vocabulary_size"])
    times, losses = by_turns(models, batches, 100, rounds)
    return compare(times, losses, "ten", "one")


@program.main(TrainingSizes, Rounds)
def main(sizes, rounds):
    result = against_keras(sizes, rounds)
    print(json.dumps({"what": "fit", **result}), flush=True)
    result = ten_in_a_call(rounds.rounds, sizes.jit_compile)
    print(json.dumps({"what": "steps_per_execution", **result}))


if __name__ == "__main__":
    main.run()
