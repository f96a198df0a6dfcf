"""The decoder must compute figure 1, right, in one call and step by step.

B batch   T target length   S source length   D model_dim   H heads
N key-value heads   K head_dim   L layers
"""

import itertools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.layers import decoder
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
    assert_not_all_equal,
)
from tests.layers import hypotheses, kinds
from tests.layers.kinds import SOURCE_MASK as MEMORY_MASK
from tests.layers.kinds import TARGET_MASK as MASK
from tests.layers.kinds import B, D, F, H, K, L, S, T, random
from tests.references import model as reference

# Every kind, and positions inside of attention with shared key-value heads.
STEPPED = (
    *(
        {"positions": name, "num_key_value_heads": 2}
        for name in (None, *kinds.ATTENDED)
    ),
    *kinds.KINDS,
)
# A graph takes seconds to trace. Added positions differ only in their table,
# which `positions_test` tests.
IN_A_GRAPH = (
    ("learned", None),
    ("relative", "length"),
)
OTHERS_IN_A_GRAPH = sorted(
    {*itertools.product(kinds.POSITIONS, (None, "length"))} - {*IN_A_GRAPH},
    key=str,
)
# One added kind, and two inside of attention. `encoder_test.py` has others.
FEW_POSITIONS = ("fairseq", "rotary", "relative")
ROOM_AND_WIDENINGS = tuple(
    itertools.product((None, T + 2), hypotheses.WIDENINGS)
)


def make(**kind):
    return kinds.make_stack(decoder.Decoder, **kind)


def shared(**kind):
    return kinds.shared_stack(decoder.Decoder, **kind)


class TestDecoder:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(1)
        self.inputs = random(B, T, D)
        self.memory = random(B, S, D, seed=1)

    def call(self, layer, **kwargs):
        return layer(
            self.inputs,
            self.memory,
            inputs_mask=MASK,
            memory_mask=MEMORY_MASK,
            **kwargs,
        )

    # Added positions differ only in their table, which `positions_test` tests.
    @pytest.mark.parametrize(
        "kind", costs.grid(kinds.KINDS, keep=(kinds.KINDS[0], *kinds.FEW))
    )
    def test_equals_the_loops_of_the_reference(self, kind):
        layer = shared(**kind)
        output, scores, cross_scores = self.call(
            layer, return_attention_scores=True
        )
        assert scores.shape == (B, L, H, T, T)
        assert cross_scores.shape == (B, L, H, T, S)
        weights = reference.weights_of(layer)
        for b in range(B):
            expected = reference.decoder(
                self.inputs[b],
                self.memory[b],
                MASK[b],
                MEMORY_MASK[b],
                weights,
                kinds.for_reference(**kind),
            )
            assert_all_close(output[b], expected[0], rtol=1e-5, atol=1e-5)
            assert_all_close(scores[b], expected[1], rtol=0, atol=1e-5)
            assert_all_close(cross_scores[b], expected[2], rtol=0, atol=1e-5)
        assert_all_equal(self.call(layer), output)

    @pytest.mark.parametrize("normalization", ["pre", "post"])
    def test_number_of_parameters(self, normalization):
        block = 8 * D**2 + (D * F + F + F * D + D) + 3 * 2 * D
        last = 2 * D if normalization == "pre" else 0
        layer = make(normalization=normalization)
        assert (
            sum(np.prod(w.shape) for w in layer.trainable_weights)
            == L * block + last
        )

    @pytest.mark.parametrize(
        "kind", costs.grid(kinds.KINDS, keep=(*kinds.FEW[3:5], kinds.FEW[-1]))
    )
    def test_no_gradient_from_the_future(self, kind):
        layer = shared(**kind)
        inputs = tf.constant(self.inputs)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            # The third power, since the sum of a normalized row is constant.
            outputs = tf.unstack(layer(inputs, self.memory) ** 3, axis=1)
        for t, output in enumerate(outputs):
            gradient = tape.gradient(output, inputs).numpy()
            assert_all_equal(gradient[:, t + 1 :], np.zeros((B, T - t - 1, D)))
            largest = np.abs(gradient[:, : t + 1]).max(axis=-1)
            assert largest.min() > 0

    @pytest.mark.parametrize(
        "positions", costs.grid(kinds.POSITIONS, keep=FEW_POSITIONS)
    )
    def test_no_gradient_from_padding(self, positions):
        layer = shared(positions=positions)
        inputs, memory = tf.constant(self.inputs), tf.constant(self.memory)
        for sides in (slice(None), slice(None, None, -1)):
            mask, memory_mask = MASK[:, sides], MEMORY_MASK[:, sides]
            with tf.GradientTape() as tape:
                tape.watch([inputs, memory])
                outputs = layer(
                    inputs, memory, inputs_mask=mask, memory_mask=memory_mask
                )
                loss = tf.reduce_sum(tf.boolean_mask(outputs, mask) ** 3)
            gradients = tape.gradient(loss, [inputs, memory])
            for gradient, is_real in zip(
                gradients, (mask, memory_mask), strict=True
            ):
                gradient = gradient.numpy()
                assert_all_equal(
                    gradient[~is_real], np.zeros((np.sum(~is_real), D))
                )
                assert np.abs(gradient[is_real]).max(-1).min() > 0

    @pytest.mark.parametrize(
        "positions", costs.grid(kinds.POSITIONS, keep=FEW_POSITIONS)
    )
    def test_padding_on_either_side_changes_nothing(self, positions):
        layer = shared(positions=positions)
        expected = self.call(layer).numpy()[MASK]
        for before, after in ((0, 4), (3, 0), (2, 5)):
            padded = []
            for x in (self.inputs, self.memory):
                # The vectors at padding must not matter.
                length = before + x.shape[1] + after
                longer = random(B, length, D, seed=9)
                longer[:, before : before + x.shape[1]] = x
                padded.append(longer)
            mask, memory_mask = (
                np.pad(mask, [(0, 0), (before, after)])
                for mask in (MASK, MEMORY_MASK)
            )
            outputs = layer(*padded, inputs_mask=mask, memory_mask=memory_mask)
            # The numbers are up to 4 and are rounded to float32.
            assert_all_close(outputs.numpy()[mask], expected, rtol=0, atol=2e-6)

    @pytest.mark.parametrize(
        "positions", costs.grid(kinds.POSITIONS, keep=FEW_POSITIONS)
    )
    def test_masks_of_three_shapes_mean_the_same(self, positions):
        layer = shared(positions=positions)
        expected = self.call(layer)
        squares = [
            np.tile(mask[:, None], (1, T, 1)) for mask in (MASK, MEMORY_MASK)
        ]
        for pair in (
            squares,
            [mask[:, None] for mask in squares],
            [np.tile(mask[:, None], (1, H, 1, 1)) for mask in squares],
        ):
            assert_all_equal(
                layer(
                    self.inputs,
                    self.memory,
                    inputs_mask=pair[0],
                    memory_mask=pair[1],
                ),
                expected,
            )

    @pytest.mark.parametrize(
        "kind", costs.grid(STEPPED, keep=(*kinds.FEW[3:5], kinds.FEW[-1]))
    )
    def test_steps_equal_the_call(self, kind):
        layer = shared(**kind)
        expected = layer(self.inputs, self.memory, memory_mask=MEMORY_MASK)
        # Slots that are not used must not matter.
        for max_length in (None, T + 6):
            outputs = kinds.stepped(
                layer, self.inputs, self.memory, MEMORY_MASK, max_length
            )
            assert outputs.shape == (B, T, D)
            assert_all_close(outputs, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.seconds
    @pytest.mark.parametrize(("positions", "max_length"), IN_A_GRAPH)
    def test_steps_equal_the_call_in_a_graph_of_unknown_sizes(
        self, positions, max_length
    ):
        self.check_in_a_graph(positions, max_length)

    @pytest.mark.seconds
    @pytest.mark.parametrize(("positions", "max_length"), OTHERS_IN_A_GRAPH)
    @pytest.mark.grid
    def test_steps_of_other_kinds_in_a_graph_of_unknown_sizes(
        self, positions, max_length
    ):
        self.check_in_a_graph(positions, max_length)

    def check_in_a_graph(self, positions, max_length):
        layer = shared(positions=positions, num_key_value_heads=2)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None, D]),
                tf.TensorSpec([None, None], tf.bool),
            ]
        )
        def decode(inputs, memory, memory_mask):
            room = tf.shape(inputs)[1] if max_length == "length" else max_length
            step = layer.stepper()

            def take_step(x, position, state):
                x, state, _ = step(x[:, None], position, state, memory_mask)
                return x[:, 0], state

            outputs = hypotheses.loop(
                layer, take_step, layer.start(memory, room), inputs
            )
            return tf.transpose(outputs, [1, 0, 2])

        assert_all_close(
            decode(self.inputs, self.memory, MEMORY_MASK),
            layer(self.inputs, self.memory, memory_mask=MEMORY_MASK),
            rtol=1e-5,
            atol=1e-5,
        )

    # Each of a few kinds of positions has one of the four combinations.
    @pytest.mark.parametrize(
        ("positions", "max_length", "widenings"),
        [
            (positions, *ROOM_AND_WIDENINGS[i % 4])
            for i, positions in enumerate((*FEW_POSITIONS, None))
        ],
    )
    def test_each_hypothesis_reads_its_own_past(
        self, positions, max_length, widenings
    ):
        self.check_own_past(positions, max_length, widenings)

    @pytest.mark.parametrize(
        ("positions", "max_length", "widenings"),
        [
            (positions, *ROOM_AND_WIDENINGS[at])
            for positions in kinds.POSITIONS
            for at in range(4)
        ],
    )
    @pytest.mark.grid
    def test_each_hypothesis_reads_its_own_past_in_each_combination(
        self, positions, max_length, widenings
    ):
        self.check_own_past(positions, max_length, widenings)

    def check_own_past(self, positions, max_length, widenings):
        layer = shared(positions=positions, num_key_value_heads=3)

        def take_step(inputs, position, state):
            return layer.step(inputs, position, state, MEMORY_MASK)

        # The last step reads the cache of all steps before it.
        *_, (output, history) = hypotheses.follow(
            layer,
            layer.start(self.memory, max_length),
            take_step,
            lambda seed, width: random(B, width, D, seed=seed),
            T,
            widenings,
        )
        width = history.shape[1]
        expected = layer(
            history.reshape(B * width, T, D),
            np.repeat(self.memory, width, axis=0),
            memory_mask=np.repeat(MEMORY_MASK, width, axis=0),
        )[:, -1]
        assert_all_close(
            output, tf.reshape(expected, (B, width, D)), rtol=1e-5, atol=1e-5
        )

    @pytest.mark.parametrize("max_length", [None, T])
    def test_selecting_moves_no_keys_and_values(self, max_length):
        layer = shared()
        state = layer.widen(layer.start(self.memory, max_length), 5)
        _, state = layer.step(random(B, 5, D), 0, state, MEMORY_MASK)
        parents = np.random.default_rng(0).integers(0, 5, (B, 5))
        selected = layer.select(state, parents)
        for new, old in zip(
            tf.nest.flatten(selected["blocks"]),
            tf.nest.flatten(state["blocks"]),
            strict=True,
        ):
            assert new is old
        assert_not_all_equal(
            selected["past"].ancestors, state["past"].ancestors
        )

    def test_hypotheses_share_the_memory_of_their_row(self):
        layer = shared()
        state = layer.widen(layer.start(self.memory), 5)
        for cache in state["blocks"]:
            assert cache["memory"][0].shape == (B, H, S, K)

    @pytest.mark.parametrize("max_length", [None, 11])
    def test_shapes_hold_at_every_step(self, max_length):
        layer = shared(num_key_value_heads=2)
        state = layer.widen(layer.start(self.memory, max_length), 5)
        shapes = layer.shapes(state)
        length = None if max_length is None else 5 * max_length
        assert shapes["past"].ancestors == (B, 5, max_length)
        for cache in shapes["blocks"]:
            assert cache["target"] == ((B, 2, length, K),) * 2
            assert cache["memory"] == ((B, 2, S, K),) * 2
        for t in range(3):
            _, state = layer.step(random(B, 5, D), t, state, MEMORY_MASK)
            state = layer.select(state, np.zeros((B, 5), int))
            assert layer.shapes(state) == shapes

    @pytest.mark.parametrize("max_length", [None, T])
    def test_a_step_looks_where_the_call_looks(self, max_length):
        layer = shared()
        *_, expected = self.call(layer, return_attention_scores=True)
        step, state = layer.stepper(), layer.start(self.memory, max_length)
        for t in range(T):
            _, state, scores = step(
                self.inputs[:, t : t + 1], t, state, MEMORY_MASK
            )
            assert scores.shape == (B, L, H, 1, S)
            # Real targets are compared: only the call masks padding of targets.
            real = MASK[:, t]
            assert_all_close(
                scores[:, :, :, 0].numpy()[real],
                expected[:, :, :, t].numpy()[real],
                rtol=0,
                atol=1e-6,
            )
            assert_all_equal(
                scores.numpy()[:, :, :, 0].transpose(0, 3, 1, 2)[~MEMORY_MASK],
                np.zeros((np.sum(~MEMORY_MASK), L, H)),
            )

    @pytest.mark.parametrize(
        "positions",
        costs.grid((None, "paper", "rotary", "relative"), keep=("relative",)),
    )
    @pytest.mark.parametrize("max_length", (None, T))
    def test_no_rows_at_all_are_fine(self, positions, max_length):
        layer = shared(positions=positions, num_key_value_heads=2)
        assert layer(self.inputs[:0], self.memory[:0]).shape == (0, T, D)
        assert layer(self.inputs[:, :0], self.memory).shape == (B, 0, D)
        state = layer.widen(layer.start(self.memory[:0], max_length), 5)
        for t in range(2):
            output, state = layer.step(random(0, 5, D), t, state)
            assert output.shape == (0, 5, D)
            state = layer.select(state, np.zeros((0, 5), int))

    @pytest.mark.parametrize(
        ("positions", "groups", "masked"),
        costs.grid_of_several(
            [
                # Every pair of values of two settings is in a case.
                (None, H, False),
                (None, 2, True),
                ("rotary", H, True),
                ("rotary", 2, False),
                ("rotary_interleaved", H, False),
                ("rotary_interleaved", 2, True),
                ("relative", H, True),
                ("relative", 2, False),
            ],
            keep=[(None, 2, True), ("rotary", 2, False), ("relative", H, True)],
        ),
    )
    def test_one_key_is_no_cause_for_a_warning(self, positions, groups, masked):
        layer = shared(positions=positions, num_key_value_heads=groups)
        inputs, memory = self.inputs[:, :1], self.memory[:, :1]
        masks = {}
        if masked:
            masks = {"inputs_mask": MASK[:, :1], "memory_mask": MASK[:, :1]}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expected = layer(inputs, memory, **masks)
            for max_length in (None, 1):
                output, _ = layer.step(
                    inputs,
                    0,
                    layer.start(memory, max_length),
                    masks.get("memory_mask"),
                )
                assert_all_close(output, expected, rtol=1e-5, atol=1e-5)

    def test_a_decoder_that_was_not_called_yet_can_start(self):
        for max_length in (None, T):
            layer = decoder.Decoder(2, **kinds.block_arguments())
            assert not layer.built
            state = layer.start(self.memory, max_length)
            for position in (0, np.int64(1), tf.constant(2, "int64")):
                output, state = layer.step(
                    self.inputs[:, :1], position, state, MEMORY_MASK
                )
            assert np.all(np.isfinite(output))
        layer = decoder.Decoder(2, **kinds.block_arguments())
        layer.stepper()
        assert layer.built

    @pytest.mark.parametrize(
        "position", [-1, T, np.int64(T + 3), tf.constant(T)]
    )
    def test_a_step_without_room_is_refused(self, position):
        layer = shared()
        state = layer.start(self.memory, T)
        with pytest.raises(
            ValueError,
            match=f"positions 0 to {T - 1}. Received: .*larger max_length",
        ):
            layer.step(self.inputs[:, :1], position, state, MEMORY_MASK)

    @pytest.mark.parametrize(
        "position", [1, -1, np.int64(3), tf.constant(7, "int64")]
    )
    def test_a_step_that_is_not_the_next_is_refused(self, position):
        layer = shared()
        state, x = layer.start(self.memory), self.inputs[:, :1]
        for t in range(2):
            _, state = layer.step(x, t, state, MEMORY_MASK)
        with pytest.raises(
            ValueError,
            match="has 2 positions.*Received: .*Expected: position=2",
        ):
            layer.step(x, position, state, MEMORY_MASK)

    @pytest.mark.parametrize("max_length", [None, T])
    def test_a_step_of_other_rows_is_refused(self, max_length):
        layer = shared()
        state = layer.start(self.memory[:1], max_length)
        with pytest.raises(
            ValueError,
            match=f"1 rows of 1 hypotheses.*Received: inputs of {B} rows",
        ):
            layer.step(self.inputs[:, :1], 0, state, MEMORY_MASK[:1])
        state = layer.widen(layer.start(self.memory, max_length), 5)
        with pytest.raises(ValueError, match=r"5 hypotheses.*rows of 1\."):
            layer.step(self.inputs[:, :1], 0, state, MEMORY_MASK)

    @pytest.mark.parametrize("max_length", [0, -3])
    def test_no_room_at_all_is_refused(self, max_length):
        with pytest.raises(
            ValueError,
            match=f"`max_length`.*at least 1. Received: {max_length}",
        ):
            shared().start(self.memory, max_length)

    def test_memory_of_another_size_is_refused(self):
        layer = shared()
        with pytest.raises(ValueError, match=rf"\(B, T, {D}\)"):
            layer(self.inputs, random(B, S, 2 * D))
        with pytest.raises(ValueError, match="that agree in B, N, S and K"):
            layer(self.inputs, random(B + 1, S, D))

    @pytest.mark.parametrize("max_length", [None, T])
    def test_a_state_is_a_value_with_the_batch_first(self, max_length):
        layer = shared(num_key_value_heads=2)
        states = [layer.start(self.memory, max_length)]
        for t in range(2):
            _, state = layer.step(
                self.inputs[:, t : t + 1], t, states[-1], MEMORY_MASK
            )
            states.append(state)
        for t, state in enumerate(states):
            tf.nest.assert_same_structure(state, states[0])
            for tensor, first in zip(
                tf.nest.flatten(state), tf.nest.flatten(states[0]), strict=True
            ):
                assert tensor.shape[0] == B
                assert tensor.dtype == first.dtype
                if max_length is not None:
                    assert tensor.shape == first.shape
            # The state has key-value heads, not query heads.
            for cache in state["blocks"]:
                assert cache["target"][0].shape == (B, 2, max_length or t, K)
        # Two steps later the first state has not changed.
        assert_all_equal(
            states[0]["blocks"][0]["target"][0],
            np.zeros((B, 2, max_length or 0, K)),
        )
        assert np.abs(states[2]["blocks"][0]["target"][0]).max() > 0
        # The same step from the same state gives the same numbers.
        again, _ = layer.step(self.inputs[:, 1:2], 1, states[1], MEMORY_MASK)
        once, _ = layer.step(self.inputs[:, 1:2], 1, states[1], MEMORY_MASK)
        assert_all_equal(again, once)
        # Rows of a state may be reordered, with the same numbers.
        order = [2, 0, 1]
        shuffled, _ = layer.step(
            self.inputs[order, 2:3],
            2,
            tf.nest.map_structure(lambda x: tf.gather(x, order), states[2]),
            MEMORY_MASK[order],
        )
        straight, _ = layer.step(self.inputs[:, 2:3], 2, states[2], MEMORY_MASK)
        assert_all_close(shuffled, straight.numpy()[order], rtol=0, atol=1e-6)

    @pytest.mark.parametrize("norm", ["layer", "rms"])
    def test_masks_of_embeddings_arrive_by_themselves(self, norm):
        layer = shared(norm=norm)
        embed = keras.layers.Embedding(17, D, mask_zero=True)
        # Padding comes first: the causal mask would hide padding at the end.
        mask = MASK[:, ::-1]
        inputs = embed(np.where(mask, np.arange(1, T + 1), 0))
        memory = embed(np.where(MEMORY_MASK, np.arange(1, S + 1), 0))
        bare = tf.constant(inputs.numpy()), tf.constant(memory.numpy())
        expected = layer(*bare, inputs_mask=mask, memory_mask=MEMORY_MASK)
        assert_all_equal(layer(inputs, memory), expected)
        assert_not_all_close(layer(*bare, inputs_mask=mask), expected)
        assert_not_all_close(layer(*bare, memory_mask=MEMORY_MASK), expected)

    def test_functional_model(self):
        inputs = keras.Input((None, D))
        memory = keras.Input((None, D))
        layer = make()
        model = keras.Model([inputs, memory], layer(inputs, memory))
        assert model.output_shape == (None, None, D)
        assert_all_close(
            model([self.inputs, self.memory]),
            layer(self.inputs, self.memory),
            rtol=0,
            atol=1e-6,
        )

    def test_dropout_acts_in_training_alone(self):
        layer = make(dropout=0.5)
        assert_all_equal(self.call(layer), self.call(layer, training=False))
        first = self.call(layer, training=True)
        assert_not_all_close(first, self.call(layer))
        assert_not_all_close(first, self.call(layer, training=True))

    @pytest.mark.parametrize(
        ("policy", "tolerance", "positions"),
        [
            # Many operations round, each by up to 2^-11 or 2^-8.
            ("mixed_float16", 0.01, "rotary"),
            ("mixed_bfloat16", 0.08, "relative"),
            *(
                pytest.param(*case, marks=pytest.mark.grid)
                for case in (
                    ("mixed_float16", 0.01, "learned"),
                    ("mixed_bfloat16", 0.08, "paper"),
                    ("mixed_bfloat16", 0.08, "rotary"),
                )
            ),
        ],
    )
    def test_mixed_precision(self, policy, tolerance, positions):
        kind = {
            "positions": positions,
            "biases": "blocks",
            "num_key_value_heads": 2,
        }
        layer = make(dtype=policy, **kind)
        output, scores, cross_scores = self.call(
            layer, return_attention_scores=True
        )
        assert output.dtype == policy.removeprefix("mixed_")
        assert np.all(np.isfinite(tf.cast(output, "float32")))
        for array in (scores, cross_scores):
            assert array.dtype == "float32"
            assert_all_close(
                tf.reduce_sum(array, -1),
                np.ones((B, L, H, T)),
                rtol=0,
                atol=1e-6,
            )
        for inner in kinds.layers_inside(layer):
            assert inner.dtype_policy.name == policy, inner.path
        exact = make(**kind)
        for new, old in zip(
            exact.trainable_weights, layer.trainable_weights, strict=True
        ):
            new.assign(old)
        assert_all_close(
            tf.cast(output, "float32"),
            self.call(exact),
            rtol=tolerance,
            atol=tolerance,
        )
        # A step does not pass through `__call__`, where Keras would cast.
        compute = layer.compute_dtype
        inputs, memory = (
            tf.cast(x, compute) for x in (self.inputs, self.memory)
        )
        for max_length in (None, T):
            state, steps = layer.start(memory, max_length), []
            for t in range(T):
                step, state = layer.step(
                    inputs[:, t : t + 1], t, state, MEMORY_MASK
                )
                steps.append(tf.cast(step, "float32"))
                assert step.dtype == compute
                assert state["past"].ancestors.dtype == "int32"
                for tensor in tf.nest.flatten(state["blocks"]):
                    assert tensor.dtype == compute
            assert_all_close(
                tf.concat(steps, 1).numpy()[MASK],
                tf.cast(output, "float32").numpy()[MASK],
                rtol=tolerance,
                atol=tolerance,
            )

    @pytest.mark.parametrize("kind", costs.grid(kinds.FEW, keep=kinds.FEW[-3:]))
    def test_config_makes_the_same_layer(self, kind):
        clone = kinds.clones_alike(make(name="writer", **kind), self.call)
        assert clone.name == "writer"

    def test_settings_that_do_not_fit_are_refused(self):
        arguments = kinds.block_arguments()
        with pytest.raises(ValueError, match="Unknown `normalization`"):
            decoder.Decoder(L, **{**arguments, "normalization": "none"})
        with pytest.raises(ValueError, match="`dropout`.*Received: 1.0"):
            decoder.Decoder(L, **arguments, dropout=1.0)
        with pytest.raises(ValueError, match="at least 1. Received: -2"):
            decoder.Decoder(-2, **arguments)

    @pytest.mark.parametrize("positions", (None, "rotary", "paper"))
    @pytest.mark.parametrize(
        "shape", ((B, T + 1), (B + 1, T), (B, T, T + 1), (B, H + 1, T, T))
    )
    def test_a_target_mask_that_does_not_fit_is_refused(self, positions, shape):
        layer = shared(positions=positions)
        with pytest.raises(
            ValueError, match=f"mask must have shape.*{shape[-1]}"
        ):
            layer(self.inputs, self.memory, inputs_mask=np.ones(shape, bool))

    @pytest.mark.parametrize(
        "shape", [(B, T), (B + 1, S), (B, S, S), (B, H + 1, T, S)]
    )
    def test_a_memory_mask_that_does_not_fit_is_refused(self, shape):
        with pytest.raises(
            ValueError, match=f"mask must have shape.*{shape[-1]}"
        ):
            shared()(self.inputs, self.memory, memory_mask=np.ones(shape, bool))
