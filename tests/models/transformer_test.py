"""The model must compute figure 1, in one call and step by step.

B batch   T target length   S source length   D model_dim   H heads
F feed_forward_dim   L layers   V vocabulary_size
"""

import dataclasses
import functools
import itertools
import os
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers, models, search
from keras_transformer.models import building, transformer
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.layers import hypotheses
from tests.references import model as reference
from tests.references import search as reference_search

B, T, S, H, D, F, V = 3, 5, 7, 4, 24, 11, 17
# One encoder block saves time; `encoder_test.py` has two. The decoder has two.
SIZES = models.TransformerConfig(V, 1, 2, D, H, F, dropout=0.1)
# The sources have 4, 7 and 2 tokens, the targets 5, 3 and 4.
SOURCE_IDS = np.array(
    [[3, 9, 4, 2, 0, 0, 0], [16, 5, 5, 8, 11, 7, 2], [6, 2, 0, 0, 0, 0, 0]]
)
TARGET_IDS = np.array([[1, 12, 4, 9, 13], [1, 16, 3, 0, 0], [1, 8, 8, 5, 0]])
IS_REAL = TARGET_IDS != 0


def kind(convention="paper", **changes):
    config = models.convention(convention).apply(SIZES)
    return dataclasses.replace(config, **changes)


# Each convention, and each value of every field that holds a name.
KINDS = {
    "paper": kind(),
    "paper_pre": kind(normalization="pre", dropout=0.0),
    "tensor2tensor": kind("tensor2tensor"),
    "fairseq": kind("fairseq"),
    "opennmt": kind("opennmt"),
    "marian": kind("marian"),
    "learned": kind(positions="learned", activation="gelu"),
    "relative": kind(positions="relative", num_key_value_heads=2),
    "multi_query": kind(num_key_value_heads=1, biases="blocks"),
    "modern": dataclasses.replace(
        models.PRESETS["modern"],
        vocabulary_size=V,
        num_encoder_layers=1,
        num_decoder_layers=2,
        model_dim=D,
        num_heads=H,
        feed_forward_dim=F,
    ),
    "two_vocabularies": kind(
        tying="none", target_vocabulary_size=19, activation="geglu"
    ),
    "target_tied": kind(
        tying="target", activation="reglu", biases="all", norm="rms"
    ),
    "not_scaled": kind(embedding_scale="none", embedding_initializer="uniform"),
}
# Each kind of positions, and shared key-value heads.
STEPPED = (
    "paper",
    "tensor2tensor",
    "fairseq",
    "opennmt",
    "marian",
    "learned",
    "relative",
    "multi_query",
    "modern",
)


# Different kinds of positions, norms, tyings and activations.
FEW = ("marian", "relative", "modern", "two_vocabularies")


def kinds(*names, keep=tuple(KINDS)):
    """Parametrizes by configs; those not in `keep` are only in the grid."""
    return pytest.mark.parametrize(
        "config",
        [
            pytest.param(
                KINDS[name],
                id=name,
                marks=[] if name in keep else [pytest.mark.grid],
            )
            for name in names or KINDS
        ],
    )


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def inputs(source_ids=SOURCE_IDS, target_ids=TARGET_IDS):
    return {"source_ids": source_ids, "target_input_ids": target_ids}


def started(config, target_ids=TARGET_IDS):
    """Returns the targets with the start id of this model."""
    target_ids = target_ids.copy()
    target_ids[:, 0] = config.start_id
    return target_ids


def without_padding(config):
    """Returns targets without padding, since steps read real tokens."""
    return started(config, np.where(IS_REAL, TARGET_IDS, 14))


def make(config=KINDS["paper_pre"], dtype=None, **changes):
    """Makes a model; draws its biases and norms, which start as 0 or 1."""
    config = dataclasses.replace(config, **changes)
    model = models.build_transformer(config, dtype)
    for i, weight in enumerate(model.trainable_weights):
        if len(weight.shape) == 1:
            weight.assign(random(*weight.shape, seed=100 + i))
    return model


@functools.cache
def shared(config=KINDS["paper_pre"]):
    """Returns what `make` returns, once for all tests that only call it."""
    keras.utils.set_random_seed(1)
    return make(config)


def decode(model, source_ids, target_ids, max_length=None):
    """Returns logits (B, T, V), computed step by step."""
    state, logits = model.start(source_ids, max_length), []
    for t in range(T):
        step_logits, state = model.step(target_ids[:, t], t, state)
        logits.append(step_logits)
    return tf.stack(logits, axis=1)


def draw_ids(seed, width):
    """Returns random real tokens of W hypotheses, (B, W)."""
    return np.random.default_rng(seed).integers(3, V, (B, width))


def loss_of(logits, labels):
    """Returns the mean cross-entropy of log-probabilities at real positions."""
    return -sum(
        logits[b][t][labels[b, t]] for b, t in np.argwhere(IS_REAL)
    ) / np.sum(IS_REAL)


class TestTransformer:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)

    # These, and the tests of layers, cover what the other configs have.
    @kinds(
        keep=(
            *FEW,
            *("paper", "tensor2tensor", "multi_query", "target_tied"),
            "not_scaled",
        )
    )
    def test_equals_the_loops_of_the_reference(self, config):
        model = shared(config)
        target_ids = started(config)
        logits = model(inputs(target_ids=target_ids))
        scores = model.attention_scores(inputs(target_ids=target_ids))
        size = config.target_vocabulary_size or V
        assert logits.dtype == "float32"
        assert logits.shape == (B, T, size)
        weights = reference.weights_of(model)
        for b in range(B):
            expected = reference.transformer(
                SOURCE_IDS[b],
                target_ids[b],
                weights,
                dataclasses.asdict(config),
            )
            # Logits are sums of 24 products of size one.
            assert_all_close(
                logits[b][IS_REAL[b]],
                expected[0][IS_REAL[b]],
                rtol=1e-5,
                atol=1e-5,
            )
            for array, other in zip(scores, expected[1:], strict=True):
                # The scores of queries at padding do not matter.
                is_encoder = len(other) == config.num_encoder_layers
                rows = SOURCE_IDS[b] != 0 if is_encoder else IS_REAL[b]
                assert_all_close(
                    array[b].numpy()[:, :, rows],
                    np.array(other)[:, :, rows],
                    rtol=0,
                    atol=1e-5,
                )

    @kinds(
        "paper",
        "marian",
        "relative",
        "modern",
        "two_vocabularies",
        keep=("relative",),
    )
    def test_gradient_equals_differences_of_the_reference(self, config):
        config = dataclasses.replace(
            config, num_encoder_layers=1, num_decoder_layers=1, dropout=0.0
        )
        model = make(config)
        target_ids = started(config)
        labels = np.roll(TARGET_IDS, -1, axis=1)
        with tf.GradientTape() as tape:
            logits = model(inputs(target_ids=target_ids), training=True)
            loss = loss_of(tf.nn.log_softmax(logits), labels)
        gradients = tape.gradient(loss, model.trainable_weights)
        weights = reference.weights_of(model)
        fields = dataclasses.asdict(config)

        def slow(changed):
            rows = [
                reference.transformer(SOURCE_IDS[b], target_ids[b], changed,
                                      fields)[0]
                for b in range(B)
            ]  # fmt: skip
            rows = [
                [reference_search.log_softmax(row) for row in logits]
                for logits in rows
            ]
            return loss_of(rows, labels)

        for i, (weight, gradient) in enumerate(
            zip(model.trainable_weights, gradients, strict=True)
        ):
            # Derivatives along one random direction for each weight.
            name = weight.path.removeprefix(f"{model.name}/")
            direction = random(*weight.shape, seed=500 + i).astype("float64")
            direction /= np.linalg.norm(direction)
            up, down = (
                slow({**weights, name: weights[name] + h * direction})
                for h in (1e-4, -1e-4)
            )
            assert_all_close(
                np.sum(tf.convert_to_tensor(gradient) * direction),
                (up - down) / 2e-4,
                rtol=0,
                atol=1e-5,
                msg=weight.path,
            )

    @kinds("paper", "modern")
    def test_attention_scores_have_names_and_rows_that_sum_to_one(self, config):
        scores = shared(config).attention_scores(inputs())
        for array, shape in (
            (scores.encoder, (B, 1, H, S, S)),
            (scores.decoder, (B, 2, H, T, T)),
            (scores.cross, (B, 2, H, T, S)),
        ):
            assert array.shape == shape
            assert array.dtype == "float32"
            assert_all_close(
                tf.reduce_sum(array, -1), np.ones(shape[:-1]), rtol=0, atol=1e-6
            )

    def test_one_run_gives_logits_and_scores(self):
        model = make(KINDS["paper"])
        logits, scores = model.call_with_scores(inputs())
        assert_all_equal(logits, model(inputs()))
        for array, other in zip(
            scores, model.attention_scores(inputs()), strict=True
        ):
            assert_all_equal(array, other)

    # `decoder_test.py` tests each kind of positions.
    @kinds(keep=("marian", "modern"))
    def test_steps_equal_the_call(self, config):
        model = shared(config)
        target_ids = without_padding(config)
        expected = model(inputs(target_ids=target_ids))
        for max_length in (None, T + 6):
            logits = decode(model, SOURCE_IDS, target_ids, max_length)
            assert logits.dtype == "float32"
            assert_all_close(logits, expected, rtol=1e-5, atol=1e-5)

    # `decoder_test.py` tests each kind of positions in a graph.
    @pytest.mark.grid
    @pytest.mark.seconds
    @kinds(
        "paper",
        "marian",
        "learned",
        "relative",
        "modern",
        keep=("relative",),
    )
    def test_steps_equal_the_call_in_a_graph_of_unknown_sizes(self, config):
        model = shared(config)
        ids = tf.TensorSpec([None, None], tf.int32)

        @tf.function(input_signature=[ids, ids])
        def decode_in_graph(source_ids, target_ids):
            logits = hypotheses.loop(
                model, model.stepper(), model.start(source_ids), target_ids
            )
            return tf.transpose(logits, [1, 0, 2])

        target_ids = without_padding(config)
        for rows in (slice(None), slice(1)):
            assert_all_close(
                decode_in_graph(
                    SOURCE_IDS[rows].astype("int32"),
                    target_ids[rows].astype("int32"),
                ),
                model(inputs(SOURCE_IDS[rows], target_ids[rows])),
                rtol=1e-5,
                atol=1e-5,
            )

    # `decoder_test.py` tests each kind of positions.
    @kinds(*STEPPED, keep=("relative",))
    def test_each_hypothesis_reads_its_own_past(self, config):
        model = shared(config)
        step = model.stepper()

        def take_step(ids, position, state):
            return step(ids.reshape(-1), position, state)

        for max_length, widenings in zip(
            (None, T + 2), hypotheses.WIDENINGS, strict=True
        ):
            # The last step reads the cache of all steps before it.
            *_, (logits, history) = hypotheses.follow(
                model,
                model.start(SOURCE_IDS, max_length),
                take_step,
                draw_ids,
                T,
                widenings,
            )
            width = history.shape[1]
            expected = model(
                inputs(
                    np.repeat(SOURCE_IDS, width, axis=0),
                    history.reshape(B * width, T),
                )
            )[:, -1]
            assert_all_close(logits, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize(
        ("config", "how"),
        [
            pytest.param(KINDS[name], how, id=f"{name}_{how}")
            for name in ("learned", "relative", "modern")
            for how in (
                "grows_in_a_graph",
                "is_fixed_in_a_graph",
                "is_compiled",
            )
        ],
    )
    @pytest.mark.grid
    def test_hypotheses_of_a_loop(self, config, how):
        model = shared(config)
        width, max_length = 5, None if how == "grows_in_a_graph" else T + 2
        is_compiled = how == "is_compiled"
        # All sizes are known if compiled; otherwise only W is known.
        rows, length = (B, T) if is_compiled else (None, None)

        @tf.function(
            input_signature=[
                tf.TensorSpec([rows, S if is_compiled else None], tf.int32),
                tf.TensorSpec([rows, length, 2, width], tf.int32),
            ],
            jit_compile=is_compiled,
        )
        def decode_in_graph(source_ids, ids_and_parents):
            step = model.stepper()

            def take_step(ids_and_parents, position, state):
                ids, parents = tf.unstack(ids_and_parents, axis=1)
                logits, state = step(tf.reshape(ids, [-1]), position, state)
                return (
                    tf.reshape(logits, (-1, width, logits.shape[1])),
                    model.select(state, parents),
                )

            state = model.widen(model.start(source_ids, max_length), width)
            return hypotheses.loop(model, take_step, state, ids_and_parents)

        rng = np.random.default_rng(0)
        ids = rng.integers(3, V, (B, T, width))
        parents = rng.integers(0, width, (B, T, width))
        actual = decode_in_graph(
            SOURCE_IDS.astype("int32"),
            np.stack([ids, parents], axis=2).astype("int32"),
        )
        history = np.zeros((B, width, 0), int)
        for t in range(T):
            history = np.concatenate([history, ids[:, t, :, None]], axis=2)
            expected = model(
                inputs(
                    np.repeat(SOURCE_IDS, width, axis=0),
                    history.reshape(B * width, t + 1),
                )
            )[:, -1]
            assert_all_close(
                tf.reshape(actual[t], (B * width, -1)),
                expected,
                rtol=1e-5,
                atol=1e-5,
            )
            history = history[np.arange(B)[:, None], parents[:, t]]

    @pytest.mark.parametrize(
        ("name", "max_length", "rows"),
        [
            ("paper", None, [2, 0]),
            ("relative", T + 2, [2, 0, 1]),
            *(
                pytest.param(*case, marks=pytest.mark.grid)
                for case in (
                    ("modern", None, [1]),
                    ("paper", T + 2, [1]),
                    ("relative", None, [1]),
                    ("modern", T + 2, [2, 0]),
                )
            ),
        ],
    )
    def test_rows_are_taken_with_all_their_hypotheses(
        self, name, max_length, rows
    ):
        model = shared(KINDS[name])
        width = 5
        state = model.widen(model.start(SOURCE_IDS, max_length), width)
        history = np.zeros((B, width, 0), int)
        sources, rng = SOURCE_IDS, np.random.default_rng(0)
        for t in range(T):
            ids = draw_ids(t, width)[: len(sources)]
            history = np.concatenate([history, ids[:, :, None]], axis=2)
            logits, state = model.step(ids.reshape(-1), t, state)
            if t == T - 1:
                break
            parents = rng.integers(0, width, ids.shape)
            state = model.select(state, parents)
            history = history[np.arange(len(ids))[:, None], parents]
            if t == 1:
                state = model.take_rows(state, np.array(rows, "int32"), width)
                history, sources = history[rows], sources[rows]
                for tensor in tf.nest.flatten(state):
                    assert tensor.shape[0] == len(rows)
        # The last step reads the cache of all steps before it.
        expected = model(
            inputs(
                np.repeat(sources, width, axis=0),
                history.reshape(-1, T),
            )
        )[:, -1]
        assert_all_close(logits, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("max_length", [None, T])
    def test_selecting_changes_only_the_ancestors(self, max_length):
        model = shared()
        state = model.widen(model.start(SOURCE_IDS, max_length), 5)
        _, state = model.step(draw_ids(0, 5).reshape(-1), 0, state)
        selected = model.select(state, np.full((B, 5), 3))
        tf.nest.assert_same_structure(selected, state)
        same = [
            new is old
            for new, old in zip(
                tf.nest.flatten(selected), tf.nest.flatten(state), strict=True
            )
        ]
        assert same.count(False) == 1
        assert_all_equal(
            selected["decoder"]["past"].ancestors[:, :, 0], np.full((B, 5), 3)
        )

    @pytest.mark.parametrize("max_length", [None, T])
    def test_shapes_of_a_state(self, max_length):
        model = shared()
        state = model.widen(model.start(SOURCE_IDS, max_length), 5)
        shapes = model.shapes(state)
        assert shapes["memory_mask"] == (B, S)
        assert shapes["decoder"] == model.decoder.shapes(
            state["decoder"])  # fmt: skip
        assert (None in tf.nest.flatten(shapes)) == (max_length is None)

    @pytest.mark.parametrize("num_layers", costs.grid([1, 2, 3], keep=[1, 3]))
    def test_a_step_returns_its_attention(self, num_layers):
        model = make(num_decoder_layers=num_layers)
        target_ids = without_padding(KINDS["paper_pre"])
        batch = inputs(target_ids=target_ids)
        expected = model.alignment_attention(batch).numpy()
        # Of three blocks it is the last but one.
        cross = model.attention_scores(batch).cross.numpy()
        assert_all_close(
            expected,
            cross[:, [0, 1, 1][num_layers - 1]].mean(axis=1),
            rtol=0,
            atol=1e-6,
        )
        assert expected.shape == (B, T, S)
        assert_all_close(expected.sum(-1), np.ones((B, T)), rtol=0, atol=1e-6)
        padding = np.tile(SOURCE_IDS[:, None] == 0, (1, T, 1))
        assert_all_equal(expected[padding], np.zeros(padding.sum()))
        step = model.stepper(return_attention=True)
        for max_length in (None, T + 2):
            state = model.start(SOURCE_IDS, max_length)
            for t in range(T):
                _, state, attention = step(target_ids[:, t], t, state)
                assert attention.dtype == "float32"
                assert_all_close(attention, expected[:, t], rtol=0, atol=1e-6)
                assert_all_equal(
                    attention.numpy()[SOURCE_IDS == 0],
                    np.zeros(np.sum(SOURCE_IDS == 0)),
                )

    def test_hypotheses_attend_as_their_own_history(self):
        model = shared()
        step = model.stepper(return_attention=True)
        width = 5

        def take_step(ids, position, state):
            _, state, attention = step(ids.reshape(-1), position, state)
            return attention, state

        # The last step reads the cache of all steps before it.
        *_, (attention, history) = hypotheses.follow(
            model, model.start(SOURCE_IDS), take_step, draw_ids, T, {0: width}
        )
        expected = model.alignment_attention(
            inputs(
                np.repeat(SOURCE_IDS, width, axis=0),
                history.reshape(B * width, T),
            )
        )[:, -1]
        assert_all_close(attention, expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("max_length", [None, 1])
    def test_one_token_causes_no_warning(self, max_length):
        for name in ("paper", "relative", "modern"):
            model = shared(KINDS[name])
            one = inputs(SOURCE_IDS[:, :1], TARGET_IDS[:, :1])
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                logits, _ = model.step(
                    TARGET_IDS[:, 0], 0, model.start(SOURCE_IDS[:, :1],
                                                     max_length)
                )  # fmt: skip
                assert_all_close(logits, model(one)[:, 0], rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("max_length", [None, T])
    def test_other_rows_or_hypotheses_are_refused(self, max_length):
        model = shared()
        state = model.start(SOURCE_IDS, max_length)
        message = "3 sources of 1 hypotheses.*Received: 4 ids. Expected: 3,"
        with pytest.raises(ValueError, match=message):
            model.step([5] * 4, 0, state)
        state = model.widen(state, 5)
        # Ten ids could be two rows of five hypotheses.
        for number in (3, 10):
            with pytest.raises(
                ValueError,
                match=f"3 sources of 5 hypotheses.*Received: {number} ids. "
                "Expected: 15,",
            ):
                model.step([5] * number, 0, state)

    @pytest.mark.parametrize(
        ("max_length", "position", "message"),
        [(None, 1, "Expected: position=0"), (2, 2, "positions 0 to 1")],
    )
    def test_a_position_that_does_not_fit_is_refused(
        self, max_length, position, message
    ):
        model = shared()
        with pytest.raises(ValueError, match=message):
            model.step(
                TARGET_IDS[:, 0], position, model.start(SOURCE_IDS, max_length)
            )

    # `test_each_hypothesis_reads_its_own_past` follows random parents instead.
    @pytest.mark.grid
    def test_beam_search_by_steps_equals_a_slow_one_by_calls(self):
        model = shared()
        limits = [4, 2, 3]
        # A call would treat a padding id inside the target as padding.
        no_pad = np.array([-1e9] + [0] * (V - 1), "float32")

        def step(ids, position, state):
            logits, state = model.step(ids, position, state)
            return logits + no_pad, state

        result = search.BeamSearch(beam_size=3, top_beams=3)(
            step,
            model.start(SOURCE_IDS, max_length=4),
            search.Task(
                batch_size=B,
                max_lengths=limits,
                start_id=1,
                end_id=2,
                pad_id=0,
            ),
        )

        def logits_after(row, prefix):
            target_ids = np.zeros((1, 4), int)
            target_ids[0, : len(prefix) + 1] = 1, *prefix
            logits = model(inputs(SOURCE_IDS[row : row + 1], target_ids))
            return logits[0, len(prefix)].numpy() + no_pad

        for row, limit in enumerate(limits):
            expected = reference_search.beam_search(
                functools.partial(logits_after, row),
                limit=limit,
                end_id=2,
                alpha=0.6,
                beam_size=3,
            )
            assert len(expected) == 3
            for rank, (ids, score) in enumerate(expected):
                length = int(result.lengths[row, rank])
                assert_all_equal(result.ids[row, rank, :length], ids)
                assert_all_close(
                    result.scores[row, rank], score, rtol=1e-5, atol=1e-5
                )

    def test_ids_may_be_lists(self):
        model = shared()
        state = model.start(SOURCE_IDS.tolist(), max_length=2)
        logits, _ = model.step(TARGET_IDS[:, 0].tolist(), 0, state)
        assert_all_close(logits, model(inputs())[:, 0], rtol=0, atol=1e-5)

    def test_a_state_has_the_batch_first_and_grows_or_stays(self):
        model = shared()
        for max_length in (None, T):
            state = model.start(SOURCE_IDS, max_length)
            for t in range(3):
                for tensor in tf.nest.flatten(state):
                    assert tensor.shape[0] == B
                key, _ = state["decoder"]["blocks"][0]["target"]
                length = t if max_length is None else max_length
                assert key.shape == (B, H, length, D // H)
                _, state = model.step(TARGET_IDS[:, t], t, state)

    @pytest.mark.parametrize("max_length", [None, T])
    def test_rows_of_a_state_can_be_gathered(self, max_length):
        model = shared()
        target_ids = np.where(TARGET_IDS == 0, 14, TARGET_IDS)
        state = model.start(SOURCE_IDS, max_length)
        for t in range(2):
            _, state = model.step(target_ids[:, t], t, state)
        rows = [1, 1, 2, 0, 1]
        state = tf.nest.map_structure(lambda x: tf.gather(x, rows), state)
        logits, _ = model.step(target_ids[rows, 2], 2, state)
        expected = model(inputs(target_ids=target_ids))[:, 2].numpy()
        assert_all_close(logits, expected[rows], rtol=1e-5, atol=1e-5)

    # `decoder_test.py` tests each kind.
    @kinds(
        *("paper", "paper_pre", "marian", "relative", "modern"),
        keep=("marian", "modern"),
    )
    def test_future_tokens_change_nothing(self, config):
        model = shared(config)
        target_ids = without_padding(config)
        logits = model(inputs(target_ids=target_ids)).numpy()
        for t in range(T - 1):
            changed = target_ids.copy()
            changed[:, t + 1 :] = (changed[:, t + 1 :] + 5) % (V - 1) + 1
            others = model(inputs(target_ids=changed)).numpy()
            assert_all_equal(others[:, : t + 1], logits[:, : t + 1])
            assert_not_all_close(others[:, t + 1 :], logits[:, t + 1 :])

    @kinds(keep=("relative", "two_vocabularies"))
    def test_more_padding_on_either_side_changes_nothing(self, config):
        model = shared(config)
        target_ids = started(config)
        expected = model(inputs(target_ids=target_ids)).numpy()[IS_REAL]
        none, before, after = (0, 0), (4, 0), (0, 6)
        for source, target in (
            (before, none), (none, before), (after, after), (before, before)
        ):  # fmt: skip
            logits = model(
                inputs(
                    np.pad(SOURCE_IDS, [(0, 0), source]),
                    np.pad(target_ids, [(0, 0), target]),
                )
            ).numpy()[:, target[0] : target[0] + T]
            # Logits are up to 8, where float32 has a resolution of 1e-6.
            assert_all_close(logits[IS_REAL], expected, rtol=0, atol=3e-6)

    @kinds("paper", "marian", "relative", "modern", keep=("relative", "modern"))
    def test_padding_at_the_front_of_the_source_may_be_stepped_with(
        self, config
    ):
        model = shared(config)
        target_ids = without_padding(config)
        assert_all_close(
            decode(model, np.pad(SOURCE_IDS, [(0, 0), (3, 0)]), target_ids),
            model(inputs(target_ids=target_ids)),
            rtol=1e-5,
            atol=1e-5,
        )

    def test_padding_is_what_pad_id_says(self):
        # Tokens 0 and 3 are exchanged, in the ids and in the embedding.
        model, other = make(), make(pad_id=3)
        swap = np.arange(V)
        swap[[0, 3]] = [3, 0]
        other.set_weights(model.get_weights())
        embeddings = model.source_embedding.embeddings.numpy()
        other.source_embedding.embeddings.assign(embeddings[swap])
        logits = other(inputs(swap[SOURCE_IDS], swap[TARGET_IDS]))
        assert_all_close(
            logits, model(inputs()).numpy()[..., swap], rtol=0, atol=1e-6
        )
        state = other.start(swap[SOURCE_IDS], max_length=2)
        assert_all_close(
            other.step(swap[TARGET_IDS][:, 0], 0, state)[0],
            logits[:, 0],
            rtol=1e-5,
            atol=1e-5,
        )

    def test_order_of_the_batch_is_kept(self):
        model = shared()
        order = [2, 0, 1]
        assert_all_close(
            model(inputs(SOURCE_IDS[order], TARGET_IDS[order])),
            model(inputs()).numpy()[order],
            rtol=0,
            atol=1e-6,
        )

    def test_rows_do_not_see_each_other(self):
        model = shared()
        changed = SOURCE_IDS.copy()
        changed[0, 1] = 10
        before = model(inputs()).numpy()
        after = model(inputs(source_ids=changed)).numpy()
        assert_all_equal(after[1:], before[1:])
        assert_not_all_close(after[0], before[0])

    def test_a_source_of_padding_alone_is_finite(self):
        model = shared()
        with tf.GradientTape() as tape:
            logits = model(inputs(source_ids=np.zeros((B, S), int)))
            loss = tf.reduce_mean(logits**2)
        assert np.all(np.isfinite(logits))
        for gradient in tape.gradient(loss, model.trainable_weights):
            assert np.all(np.isfinite(tf.convert_to_tensor(gradient)))

    @kinds(keep=FEW)
    def test_every_weight_is_trained(self, config):
        model = make(config, dropout=0.0)
        with tf.GradientTape() as tape:
            logits = model(inputs(target_ids=started(config)), training=True)
            loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 3])
        gradients = tape.gradient(loss, model.trainable_weights)
        for gradient, weight in zip(
            gradients, model.trainable_weights, strict=True
        ):
            gradient = tf.convert_to_tensor(gradient)
            if "key_bias" in weight.path:
                # A key bias adds one number to all logits of a query.
                assert_all_close(gradient, 0 * gradient, atol=1e-6)
                continue
            assert np.abs(gradient).max() > 1e-6, weight.path

    def test_every_weight_has_a_gradient_where_there_is_one_token(self):
        # A gradient may be zero, but it must exist, or no update is made.
        model = make(dropout=0.0)
        with tf.GradientTape() as tape:
            logits = model(inputs(SOURCE_IDS[:, :1], TARGET_IDS[:, :1]))
            loss = tf.reduce_sum(logits**2)
        for gradient in tape.gradient(loss, model.trainable_weights):
            assert gradient is not None

    # The column `unknown_sizes` of `conformance_test.py` has a Transformer.
    @pytest.mark.grid
    def test_unknown_batch_and_lengths(self):
        model = shared()
        ids = tf.TensorSpec([None, None], tf.int32)
        graph = tf.function(
            lambda source_ids, target_ids: model(
                inputs(source_ids, target_ids)
            ),
            input_signature=[ids, ids],
        )
        for rows, length in ((3, 5), (1, 2)):
            source_ids = SOURCE_IDS[:rows].astype("int32")
            target_ids = TARGET_IDS[:rows, :length].astype("int32")
            assert_all_close(
                graph(source_ids, target_ids),
                model(inputs(source_ids, target_ids)),
                rtol=0,
                atol=1e-5,
            )

    @pytest.mark.parametrize(
        ("policy", "tolerance"),
        [
            # Three blocks round by 2^-11 or 2^-8, and logits are up to 5.
            pytest.param("mixed_float16", 0.03, marks=pytest.mark.grid),
            ("mixed_bfloat16", 0.24),
        ],
    )
    def test_mixed_precision(self, policy, tolerance):
        model = make(dtype=policy)
        logits = model(inputs())
        assert logits.dtype == "float32"
        for weight in model.trainable_weights:
            assert weight.dtype == "float32", weight.path
        block = model.decoder.blocks[1]
        for inner in (
            *(model.encoder, model.decoder, model.source_embedding, block),
            *(model.encoder.positions, model.decoder.drop),
            *(block.self_attention, block.cross_attention_residual.norm),
            *(block.feed_forward.expand, model.encoder.final_norm),
        ):
            assert inner.dtype_policy.name == policy, inner.path
        exact = make()
        exact.set_weights(model.get_weights())
        assert_all_close(logits, exact(inputs()), rtol=0, atol=tolerance)
        assert_not_all_close(logits, exact(inputs()), rtol=0, atol=1e-6)
        for array in model.attention_scores(inputs()):
            assert array.dtype == "float32"
            assert_all_close(
                tf.reduce_sum(array, -1),
                np.ones(array.shape[:-1]),
                rtol=0,
                atol=1e-6,
            )
        target_ids = np.where(TARGET_IDS == 0, 14, TARGET_IDS)
        steps = decode(model, SOURCE_IDS, target_ids)
        assert steps.dtype == "float32"
        assert_all_close(
            steps,
            model(inputs(target_ids=target_ids)),
            rtol=0,
            atol=tolerance,
        )

    # `regularization_test.py` tests each rate of dropout.
    @pytest.mark.grid
    def test_dropout_acts_in_training_alone(self):
        model, without = make(dropout=0.5), make(dropout=0.0)
        without.set_weights(
            [weight.numpy() for weight in model.trainable_weights]
        )
        expected = without(inputs(), training=True)
        assert_all_equal(model(inputs()), expected)
        assert_all_equal(model(inputs(), training=False), expected)
        first = model(inputs(), training=True)
        assert_not_all_close(first, expected)
        assert_not_all_close(first, model(inputs(), training=True))

    def test_dropout_acts_on_the_sum_of_embedding_and_position(self):
        model = models.build_transformer(
            kind(normalization="pre", dropout=0.5, num_encoder_layers=1)
        )
        # With sublayers that return zeros, the output is the embedding.
        for weight in model.encoder.weights:
            if "output_kernel" in weight.path or "contract" in weight.path:
                weight.assign(tf.zeros(weight.shape))
        ids = np.random.default_rng(0).integers(1, V, (97, S))
        for training, share in ((True, 0.5), (False, 0.0)):
            # In a normalized row, all dropped units have the same value.
            memory = model.encode(ids, training=training).numpy()
            dropped = [
                np.sum(np.isclose(row, np.median(row), rtol=0, atol=1e-6))
                for row in memory.reshape(-1, D)
            ]
            if training:
                # The median is a dropped unit in all but a few rows.
                assert_all_close(np.mean(dropped) / D, share, atol=0.05)
            else:
                assert np.mean(dropped) <= 1

    @kinds(keep=("modern", "two_vocabularies"))
    def test_config_makes_the_same_model(self, config):
        model = make(config, pad_id=5, dropout=0.2)
        described = model.get_config()
        clone = transformer.Transformer.from_config(described)
        assert clone.get_config() == described
        assert [w.path for w in clone.weights] == [
            w.path for w in model.weights
        ]
        clone.set_weights(model.get_weights())
        assert_all_equal(clone(inputs()), model(inputs()))

    @pytest.mark.parametrize(
        ("name", "dtype"),
        costs.grid_of_several(
            list(
                itertools.product(
                    ("paper", "two_vocabularies"),
                    ("float32", "mixed_bfloat16"),
                )
            ),
            keep=[("two_vocabularies", "mixed_bfloat16")],
        ),
    )
    def test_keras_file_gives_the_same_model(self, name, dtype, tmp_path):
        model = make(KINDS[name], pad_id=5, dtype=dtype)
        path = os.path.join(tmp_path, "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
        assert isinstance(loaded, transformer.Transformer)
        assert loaded.get_config() == model.get_config()
        assert_all_equal(loaded(inputs()), model(inputs()))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"source_ids": SOURCE_IDS + 9}, r"in \[0, 17\).*from 9 to 25"),
            (
                {"target_input_ids": TARGET_IDS - 1},
                r"in \[0, 17\).*from -1 to 15",
            ),
        ],
    )
    def test_ids_outside_of_the_vocabulary_are_refused(self, change, message):
        model = shared()
        for call in (model, model.attention_scores):
            with pytest.raises(ValueError, match=message):
                call({**inputs(), **change})

    @pytest.mark.parametrize(
        "others",
        [
            SOURCE_IDS,
            {"source_ids": SOURCE_IDS},
            {"target_input_ids": TARGET_IDS, "source": SOURCE_IDS},
            (SOURCE_IDS, TARGET_IDS),
        ],
    )
    def test_other_inputs_are_refused(self, others):
        model = shared()
        names = r"called on a dict with \('source_ids', 'target_input_ids'\)"
        with pytest.raises(ValueError, match=names):
            model(others)
        with pytest.raises(ValueError, match=names):
            model.attention_scores(others)


class TestSublayers:
    """A Transformer with sublayers that no config names."""

    def sublayers(self, model_dim=D, **changes):
        stack = (
            layers.MultiHeadAttention(model_dim, H),
            layers.FeedForward(model_dim, F),
        )
        return {
            "encoder": layers.Encoder(1, *stack),
            "decoder": layers.Decoder(2, *stack),
            "source_embedding": layers.TokenEmbedding(V, model_dim),
            **changes,
        }

    def test_a_missing_matrix_is_the_one_before_it(self):
        target = layers.TokenEmbedding(19, D)
        for changes, expected in (
            ({}, (0, 0)),
            ({"target_embedding": target}, (1, 1)),
            ({"target_embedding": target,
              "projection": layers.TokenEmbedding(19, D)}, (1, 2)),
        ):  # fmt: skip
            sublayers = self.sublayers(**changes)
            model = transformer.Transformer(**sublayers)
            known = [model.source_embedding, *changes.values()]
            assert model.target_embedding is known[expected[0]]
            assert model.projection is known[expected[1]]

    def test_sublayers_are_used_and_not_copied(self):
        sublayers = self.sublayers()
        model = transformer.Transformer(**sublayers)
        assert model.encoder is sublayers["encoder"]
        assert len(model.attention_scores(inputs()).cross[0]) == 2


@pytest.mark.grid
class TestEveryCombination:
    """Steps, padding and the reference, for all combinations of settings."""

    @pytest.mark.parametrize("convention", tuple(models.CONVENTIONS))
    @pytest.mark.parametrize("positions", building.POSITIONS)
    @pytest.mark.parametrize("groups", (1, 2, 4))
    def test_steps_and_padding(self, convention, positions, groups):
        config = kind(
            convention, positions=positions, num_key_value_heads=groups
        )
        keras.utils.set_random_seed(1)
        model = make(config)
        target_ids = without_padding(config)
        expected = model(inputs(target_ids=target_ids))
        for source_ids in (SOURCE_IDS, np.pad(SOURCE_IDS, [(0, 0), (3, 0)])):
            assert_all_close(
                decode(model, source_ids, target_ids),
                expected,
                rtol=1e-5,
                atol=1e-5,
            )
        padded = model(
            inputs(
                np.pad(SOURCE_IDS, [(0, 0), (2, 3)]),
                np.pad(target_ids, [(0, 0), (3, 2)]),
            )
        )
        assert_all_close(padded[:, 3 : 3 + T], expected, rtol=0, atol=3e-6)
        weights = reference.weights_of(model)
        for b in range(B):
            slow = reference.transformer(
                SOURCE_IDS[b],
                target_ids[b],
                weights,
                dataclasses.asdict(config),
            )
            assert_all_close(expected[b], slow[0], rtol=1e-5, atol=1e-5)
