"""The model must be figure 1, whole or step by step, in every mode.

B batch   T target length   S source length   D model_dim   H heads
F feed_forward_dim   L layers   V vocabulary_size
"""

import functools
import os

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from keras_transformer import search
from keras_transformer.models import transformer
from tests import reference

B, T, S, H, D, F, L, V = 3, 5, 7, 13, 26, 11, 2, 17
# Sources of 4, 7 and 2 tokens, targets of 5, 3 and 4.
SOURCE_IDS = np.array(
    [[3, 9, 4, 2, 0, 0, 0], [16, 5, 5, 8, 11, 7, 2], [6, 2, 0, 0, 0, 0, 0]]
)
TARGET_IDS = np.array([[1, 12, 4, 9, 13], [1, 16, 3, 0, 0], [1, 8, 8, 5, 0]])
KINDS = tuple(
    {"normalization": normalization, "positions": positions}
    for normalization in ("pre", "post")
    for positions in ("paper", "tensor2tensor")
)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def inputs(source_ids=SOURCE_IDS, target_ids=TARGET_IDS):
    return {"source_ids": source_ids, "target_input_ids": target_ids}


def make(**kwargs):
    """A model; what starts as 1 or 0 is drawn, so that no mix-up hides."""
    model = transformer.Transformer(V, L, L, D, H, F, **kwargs)
    for i, weight in enumerate(model.trainable_weights):
        if len(weight.shape) == 1:
            weight.assign(random(*weight.shape, seed=100 + i))
    return model


def decode(model, source_ids, target_ids):
    """Logits (B, T, V), one step after the other."""
    state, logits = model.start(source_ids, max_length=T), []
    for t in range(T):
        step_logits, state = model.step(target_ids[:, t], t, state)
        logits.append(step_logits)
    return tf.stack(logits, axis=1)


class TransformerTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        keras.utils.set_random_seed(1)

    @parameterized.parameters(*KINDS)
    def test_equals_the_loops_of_the_reference(self, **kind):
        model = make(**kind)
        logits = model(inputs())
        scores = model.attention_scores(inputs())
        self.assertEqual(logits.dtype, "float32")
        self.assertEqual(logits.shape, (B, T, V))
        weights = reference.weights_of(model)
        for b in range(B):
            expected = reference.transformer(
                SOURCE_IDS[b],
                TARGET_IDS[b],
                weights,
                L,
                H,
                kind["normalization"],
                kind["positions"],
            )
            # Logits are sums of 26 products of size one.
            self.assertAllClose(logits[b], expected[0], rtol=1e-5, atol=1e-5)
            for kind_of_scores, some in zip(scores, expected[1:], strict=True):
                self.assertAllClose(kind_of_scores[b], some, rtol=0, atol=1e-5)

    def test_attention_scores_have_names_and_rows_that_sum_to_one(self):
        scores = make().attention_scores(inputs())
        for some, shape in (
            (scores.encoder, (B, L, H, S, S)),
            (scores.decoder, (B, L, H, T, T)),
            (scores.cross, (B, L, H, T, S)),
        ):
            self.assertEqual(some.shape, shape)
            self.assertEqual(some.dtype, "float32")
            self.assertAllClose(
                tf.reduce_sum(some, -1), np.ones(shape[:-1]), rtol=0, atol=1e-6
            )

    @parameterized.parameters(*KINDS)
    def test_steps_equal_the_call(self, **kind):
        model = make(**kind)
        # Steps read real tokens alone, so the target has no padding here.
        target_ids = np.where(TARGET_IDS == 0, 14, TARGET_IDS)
        expected = model(inputs(target_ids=target_ids))
        logits = decode(model, SOURCE_IDS, target_ids)
        self.assertEqual(logits.dtype, "float32")
        self.assertAllClose(logits, expected, rtol=1e-5, atol=1e-5)

    @parameterized.parameters(*KINDS)
    def test_steps_equal_the_call_in_a_graph_of_unknown_sizes(self, **kind):
        model = make(**kind)
        ids = tf.TensorSpec([None, None], tf.int32)

        @tf.function(input_signature=[ids, ids])
        def decode_in_graph(source_ids, target_ids):
            length = tf.shape(target_ids)[1]
            state = model.start(source_ids)  # Room for S + 50.
            logits = tf.TensorArray(tf.float32, length)
            for t in tf.range(length):
                step_logits, state = model.step(target_ids[:, t], t, state)
                logits = logits.write(t, step_logits)
            return tf.transpose(logits.stack(), [1, 0, 2])

        target_ids = np.where(TARGET_IDS == 0, 14, TARGET_IDS)
        for rows in (slice(None), slice(1)):
            self.assertAllClose(
                decode_in_graph(
                    SOURCE_IDS[rows].astype("int32"),
                    target_ids[rows].astype("int32"),
                ),
                model(inputs(SOURCE_IDS[rows], target_ids[rows])),
                rtol=1e-5,
                atol=1e-5,
            )

    def test_beam_search_by_steps_equals_a_slow_one_by_calls(self):
        model = make()
        limits = [4, 2, 3]
        # A call would take a pad inside the target for no token at all.
        no_pad = np.array([-1e9] + [0] * (V - 1), "float32")

        def step(ids, position, state):
            logits, state = model.step(ids, position, state)
            return logits + no_pad, state

        result = search.beam_search(
            step,
            model.start(SOURCE_IDS, max_length=4),
            batch_size=B,
            max_lengths=limits,
            start_id=1,
            end_id=2,
            pad_id=0,
            beam_size=3,
            top_beams=3,
        )

        def logits_after(row, prefix):
            target_ids = np.zeros((1, 4), int)
            target_ids[0, : len(prefix) + 1] = 1, *prefix
            logits = model(inputs(SOURCE_IDS[row : row + 1], target_ids))
            return logits[0, len(prefix)].numpy() + no_pad

        for row, limit in enumerate(limits):
            expected = reference.beam_search(
                functools.partial(logits_after, row),
                limit=limit,
                end_id=2,
                alpha=0.6,
                beam_size=3,
            )
            for rank, (ids, score) in enumerate(expected):
                length = int(result.lengths[row, rank])
                self.assertAllEqual(result.ids[row, rank, :length], ids)
                self.assertAllClose(
                    result.scores[row, rank], score, rtol=1e-5, atol=1e-5
                )

    def test_a_state_has_room_for_fifty_more_than_the_source(self):
        state = make().start(SOURCE_IDS)
        self.assertEqual(state["blocks"][0]["key"].shape[1], S + 50)
        for tensor in tf.nest.flatten(state):
            self.assertEqual(tensor.shape[0], B)

    def test_rows_of_a_state_can_be_gathered(self):
        model = make()
        target_ids = np.where(TARGET_IDS == 0, 14, TARGET_IDS)
        state = model.start(SOURCE_IDS, max_length=T)
        for t in range(2):
            _, state = model.step(target_ids[:, t], t, state)
        rows = [1, 1, 2, 0, 1]
        state = tf.nest.map_structure(lambda x: tf.gather(x, rows), state)
        logits, _ = model.step(target_ids[rows, 2], 2, state)
        expected = model(inputs(target_ids=target_ids))[:, 2].numpy()
        self.assertAllClose(logits, expected[rows], rtol=1e-5, atol=1e-5)

    @parameterized.parameters("pre", "post")
    def test_future_tokens_change_nothing(self, normalization):
        model = make(normalization=normalization)
        logits = model(inputs()).numpy()
        for t in range(T - 1):
            changed = TARGET_IDS.copy()
            changed[:, t + 1 :] = (changed[:, t + 1 :] + 5) % V
            others = model(inputs(target_ids=changed)).numpy()
            self.assertAllEqual(others[:, : t + 1], logits[:, : t + 1])
            self.assertNotAllClose(others[:, t + 1 :], logits[:, t + 1 :])

    @parameterized.parameters("pre", "post")
    def test_more_padding_changes_nothing(self, normalization):
        model = make(normalization=normalization)
        is_real = TARGET_IDS != 0
        expected = model(inputs()).numpy()[is_real]
        longer = {
            "source_ids": np.pad(SOURCE_IDS, [(0, 0), (0, 4)]),
            "target_input_ids": np.pad(TARGET_IDS, [(0, 0), (0, 6)]),
        }
        for changed in (
            inputs(source_ids=longer["source_ids"]),
            inputs(target_ids=longer["target_input_ids"]),
            longer,
        ):
            logits = model(changed).numpy()[:, :T][is_real]
            self.assertAllClose(logits, expected, rtol=0, atol=2e-6)

    def test_padding_is_what_pad_id_says(self):
        # Tokens 0 and 3 trade places, in the ids and in the embedding.
        model, other = make(), make(pad_id=3)
        swap = np.arange(V)
        swap[[0, 3]] = [3, 0]
        weights = model.get_weights()
        weights[0] = weights[0][swap]
        other.set_weights(weights)
        logits = other(inputs(swap[SOURCE_IDS], swap[TARGET_IDS]))
        self.assertAllClose(
            logits, model(inputs()).numpy()[..., swap], rtol=0, atol=1e-6
        )
        state = other.start(swap[SOURCE_IDS], max_length=2)
        self.assertAllClose(
            other.step(swap[TARGET_IDS][:, 0], 0, state)[0],
            logits[:, 0],
            rtol=1e-5,
            atol=1e-5,
        )

    def test_order_of_the_batch_is_kept(self):
        model = make()
        order = [2, 0, 1]
        self.assertAllClose(
            model(inputs(SOURCE_IDS[order], TARGET_IDS[order])),
            model(inputs()).numpy()[order],
            rtol=0,
            atol=1e-6,
        )

    def test_rows_do_not_see_each_other(self):
        model = make()
        changed = SOURCE_IDS.copy()
        changed[0, 1] = 10
        before = model(inputs()).numpy()
        after = model(inputs(source_ids=changed)).numpy()
        self.assertAllEqual(after[1:], before[1:])
        self.assertNotAllClose(after[0], before[0])

    def test_a_source_of_padding_alone_is_finite(self):
        model = make()
        with tf.GradientTape() as tape:
            logits = model(inputs(source_ids=np.zeros((B, S), int)))
            loss = tf.reduce_mean(logits**2)
        self.assertTrue(np.all(np.isfinite(logits)))
        for gradient in tape.gradient(loss, model.trainable_weights):
            self.assertTrue(np.all(np.isfinite(tf.convert_to_tensor(gradient))))

    @parameterized.parameters("pre", "post")
    def test_every_weight_is_trained_by_every_source_token(self, normalization):
        model = make(normalization=normalization, dropout=0.0)
        with tf.GradientTape() as tape:
            logits = model(inputs(), training=True)
            loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 3])
        gradients = tape.gradient(loss, model.trainable_weights)
        for gradient, weight in zip(
            gradients, model.trainable_weights, strict=True
        ):
            gradient = tf.convert_to_tensor(gradient)
            self.assertGreater(np.abs(gradient).max(), 1e-6, weight.path)

    def test_unknown_batch_and_lengths(self):
        model = make()
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
            self.assertAllClose(
                graph(source_ids, target_ids),
                model(inputs(source_ids, target_ids)),
                rtol=0,
                atol=1e-5,
            )

    @parameterized.parameters(
        # Roundings of 2^-11 and 2^-8 through four blocks, of logits to 5.
        ("mixed_float16", 0.03),
        ("mixed_bfloat16", 0.24),
    )
    def test_mixed_precision(self, policy, tolerance):
        model = make(dtype=policy)
        logits = model(inputs())
        self.assertEqual(logits.dtype, "float32")
        for weight in model.trainable_weights:
            self.assertEqual(weight.dtype, "float32", weight.path)
        for part in (
            model.embedding,
            model.positions,
            model.drop,
            model.encoder,
            model.decoder,
        ):
            self.assertEqual(part.dtype_policy.name, policy, part.name)
        exact = make()
        exact.set_weights(model.get_weights())
        self.assertAllClose(logits, exact(inputs()), rtol=0, atol=tolerance)
        self.assertNotAllClose(logits, exact(inputs()), rtol=0, atol=1e-6)
        for some in model.attention_scores(inputs()):
            self.assertEqual(some.dtype, "float32")
            self.assertAllClose(
                tf.reduce_sum(some, -1),
                np.ones(some.shape[:-1]),
                rtol=0,
                atol=1e-6,
            )
        target_ids = np.where(TARGET_IDS == 0, 14, TARGET_IDS)
        steps = decode(model, SOURCE_IDS, target_ids)
        self.assertEqual(steps.dtype, "float32")
        self.assertAllClose(
            steps,
            model(inputs(target_ids=target_ids)),
            rtol=0,
            atol=tolerance,
        )

    def test_dropout_acts_in_training_alone(self):
        model, without = make(dropout=0.5), make(dropout=0.0)
        without.set_weights(
            [weight.numpy() for weight in model.trainable_weights]
        )
        expected = without(inputs(), training=True)
        self.assertAllEqual(model(inputs()), expected)
        self.assertAllEqual(model(inputs(), training=False), expected)
        first = model(inputs(), training=True)
        self.assertNotAllClose(first, expected)
        self.assertNotAllClose(first, model(inputs(), training=True))

    def test_dropout_acts_on_the_sum_of_embedding_and_position(self):
        model = transformer.Transformer(V, 1, 1, D, H, F, 0.5, "pre")
        # Sub-layers that end in zeros leave nothing but the embedding.
        for weight in model.encoder.weights:
            if "output_kernel" in weight.path or "contract" in weight.path:
                weight.assign(tf.zeros(weight.shape))
        ids = np.random.default_rng(0).integers(1, V, (97, S))
        for training, share in ((True, 0.5), (False, 0.0)):
            # Of a row that is normalised, dropped units are all the same.
            memory = model.encode(ids, training=training).numpy()
            dropped = [
                np.sum(np.isclose(row, np.median(row), rtol=0, atol=1e-6))
                for row in memory.reshape(-1, D)
            ]
            if training:
                # The median is a dropped unit in all but few rows.
                self.assertAllClose(np.mean(dropped) / D, share, atol=0.05)
            else:
                self.assertLessEqual(np.mean(dropped), 1)

    def test_config_makes_the_same_model(self):
        model = make(
            dropout=0.2,
            normalization="pre",
            positions="tensor2tensor",
            pad_id=5,
            name="translator",
        )
        config = model.get_config()
        clone = transformer.Transformer.from_config(config)
        self.assertEqual(clone.get_config(), config)
        clone.set_weights(model.get_weights())
        self.assertAllEqual(clone(inputs()), model(inputs()))

    @parameterized.parameters("float32", "mixed_bfloat16")
    def test_keras_file_gives_the_same_model(self, dtype):
        model = make(normalization="pre", pad_id=5, dtype=dtype)
        path = os.path.join(self.create_tempdir(), "model.keras")
        model.save(path)
        loaded = keras.models.load_model(path)
        self.assertIsInstance(loaded, transformer.Transformer)
        self.assertEqual(loaded.get_config(), model.get_config())
        self.assertAllEqual(loaded(inputs()), model(inputs()))

    def test_number_of_parameters(self):
        block = 4 * D**2 + 2 * D * F + F + D + 2 * 2 * D
        across = 4 * D**2 + 2 * D
        for normalization, last in (("pre", 2 * 2 * D), ("post", 0)):
            model = transformer.Transformer(
                V, 2, 3, D, H, F, 0.0, normalization
            )
            self.assertEqual(
                model.count_params(),
                V * D + 2 * block + 3 * (block + across) + last,
            )

    @parameterized.parameters(
        "vocabulary_size",
        "num_encoder_layers",
        "num_decoder_layers",
        "model_dim",
        "num_heads",
        "feed_forward_dim",
    )
    def test_sizes_that_are_not_positive_are_refused(self, name):
        sizes = {"vocabulary_size": V, "model_dim": D, "num_heads": H}
        for size in (0, -2):
            with self.assertRaisesRegex(
                ValueError, f"`{name}` must be at least 1. Received: {size}"
            ):
                transformer.Transformer(**{**sizes, name: size})

    @parameterized.parameters(
        ({"num_heads": 4}, "model_dim=26, num_heads=4"),
        ({"model_dim": 13}, "even `model_dim`.*13.*Use 14"),
        ({"positions": "rotary"}, "Unknown form of positions.*'rotary'"),
        ({"normalization": "none"}, "Unknown `normalization`.*'none'"),
        ({"dropout": 1.0}, r"`dropout`.*Received: 1.0.*\[0, 1\)"),
    )
    def test_settings_that_do_not_fit_are_refused(self, change, message):
        settings = {"vocabulary_size": V, "model_dim": D, "num_heads": H}
        with self.assertRaisesRegex(ValueError, message):
            transformer.Transformer(**{**settings, **change})

    @parameterized.parameters(
        (SOURCE_IDS,),
        ({"source_ids": SOURCE_IDS},),
        ({"target_input_ids": TARGET_IDS, "source": SOURCE_IDS},),
        ((SOURCE_IDS, TARGET_IDS),),
    )
    def test_other_inputs_are_refused(self, others):
        model = make()
        names = r"called on a dict with \('source_ids', 'target_input_ids'\)"
        with self.assertRaisesRegex(ValueError, names):
            model(others)
        with self.assertRaisesRegex(ValueError, names):
            model.attention_scores(others)


if __name__ == "__main__":
    tf.test.main()
