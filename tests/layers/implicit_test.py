"""An attached mask and a mask argument must be combined.

B batch   T target length   S source length   D model_dim   H heads
"""

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import layers
from keras_transformer.layers import implicit
from tests.assertions import assert_all_close, assert_all_equal

B, T, S, H, D, F, V = 2, 5, 7, 2, 22, 13, 11
# Rows with padding on the left, on the right, and without padding.
IDS = np.array([[0, 0, 3, 5, 2], [4, 7, 9, 0, 0], [5, 6, 7, 8, 9]], "int32")
SOURCE_IDS = np.array(
    [[0, 0, 0, 3, 5, 2, 8], [4, 7, 9, 6, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7]],
    "int32",
)


def stack(kind, positions="added"):
    attended = {"rotary": layers.RotaryPositions}.get(positions)
    size = 24 if attended else D
    return kind(
        2,
        layers.MultiHeadAttention(size, H, positions=attended and attended()),
        layers.FeedForward(size, F),
        dropout=0.0,
        positions=None if attended else layers.SinusoidalPositions(),
    )


class TestImplicit:
    @pytest.fixture(autouse=True)
    def set_up(self):
        keras.utils.set_random_seed(0)
        self.embed = keras.layers.Embedding(V, D, mask_zero=True)

    def assert_real_are(self, output, ids, i, expected):
        """Checks row i at its real positions; `expected` is that row alone."""
        real = output[i][ids[i] != 0]
        assert_all_close(real, expected[0], rtol=0, atol=1e-5)

    def test_an_encoder_with_a_causal_mask_reads_no_padding(self):
        encoder = stack(layers.Encoder)
        output = encoder(self.embed(IDS), mask=layers.causal_mask(T))
        for i in range(len(IDS)):
            alone = IDS[i : i + 1, IDS[i] != 0]
            expected = encoder(
                self.embed(alone), mask=layers.causal_mask(alone.shape[1])
            )
            self.assert_real_are(output, IDS, i, expected)

    def test_a_decoder_reads_no_padding_of_source_or_target(self):
        decoder = stack(layers.Decoder)
        reach = np.ones((T, S), bool)
        # The layer combines this mask with the attached padding masks.
        reach[:, 1] = reach[:, -1] = False
        output, _, cross = decoder(
            self.embed(IDS),
            self.embed(SOURCE_IDS),
            inputs_mask=np.ones((1, T, T), bool),
            memory_mask=reach[None],
            return_attention_scores=True,
        )
        allowed = reach[None] & (SOURCE_IDS != 0)[:, None]
        assert_all_equal(
            cross[:, 0, 0] > 0, np.broadcast_to(allowed, (3, T, S))
        )
        for i in range(len(IDS)):
            target = IDS[i : i + 1, IDS[i] != 0]
            is_real = SOURCE_IDS[i] != 0
            expected = decoder(
                self.embed(target),
                self.embed(SOURCE_IDS[i : i + 1, is_real]),
                memory_mask=reach[None, 0, is_real],
            )
            self.assert_real_are(output, IDS, i, expected)

    @pytest.mark.parametrize(
        "kind", [layers.EncoderBlock, layers.CausalBlock, layers.DecoderBlock]
    )
    def test_a_block(self, kind):
        block = kind(layers.MultiHeadAttention(D, H), layers.FeedForward(D, F))
        is_decoder = kind is layers.DecoderBlock
        name = "inputs_mask" if is_decoder else "mask"
        others = [self.embed(SOURCE_IDS)] if is_decoder else []
        argument = np.array([[1, 1, 1, 0, 1]], bool)
        output = block(self.embed(IDS), *others, **{name: argument})
        both = argument & (IDS != 0)
        plain = tf.constant(self.embed(IDS).numpy())
        assert_all_close(
            output, block(plain, *others, **{name: both}), rtol=0, atol=1e-6
        )
        assert_all_equal(implicit.mask_of(output), both)

    def test_attention_reads_masks_like_that_of_keras(self):
        ours = layers.MultiHeadAttention(D, H)
        theirs = keras.layers.MultiHeadAttention(H, D // H, use_bias=False)

        def inputs():  # Made anew: Keras's attention drops the masks.
            return self.embed(IDS), self.embed(SOURCE_IDS)

        ours.build()
        theirs(*inputs())
        theirs.set_weights(
            [
                w.numpy().reshape(v.shape)
                for w, v in zip(ours.weights, theirs.weights, strict=True)
            ]
        )
        argument = np.random.default_rng(0).random((3, T, S)) < 0.7
        argument[:, :, 3] = True
        actual = ours(*inputs(), attention_mask=argument)
        expected = theirs(*inputs(), attention_mask=argument)
        is_real = IDS != 0
        assert_all_close(actual[is_real], expected[is_real], rtol=0, atol=1e-5)
        assert_all_equal(implicit.mask_of(actual), is_real)

    @pytest.mark.parametrize("which", ["given", "attached", "both"])
    def test_the_output_of_a_decoder_has_the_mask_of_the_target(self, which):
        decoder = stack(layers.Decoder)
        argument, masks = self.embed(IDS), {}
        if which != "attached":
            masks = {"inputs_mask": np.array([[1, 1, 1, 1, 0]] * 3, bool)}
        if which == "given":
            argument = argument.numpy()
        output = decoder(argument, self.embed(SOURCE_IDS), **masks)
        expected = (which == "given") | (IDS != 0)
        expected = expected & masks.get("inputs_mask", True)
        assert_all_equal(implicit.mask_of(output), expected)

    def test_a_functional_model_and_its_file(self):
        ids = keras.Input((None,), dtype="int32")
        source_ids = keras.Input((None,), dtype="int32")
        encoder, decoder = stack(layers.Encoder), stack(layers.Decoder)
        memory = encoder(
            self.embed(source_ids),
            mask=layers.causal_mask(keras.ops.shape(source_ids)[1]),
        )
        outputs = decoder(self.embed(ids), memory)
        pool = keras.layers.GlobalAveragePooling1D()
        pooled = pool(outputs)
        model = keras.Model([ids, source_ids], [outputs, pooled, pool(memory)])
        path = f"{tempfile.mkdtemp()}/model.keras"
        model.save(path)
        output, mean, source_mean = expected = model([IDS, SOURCE_IDS])
        for i in range(len(IDS)):
            alone, _, source_alone = model(
                [
                    IDS[i : i + 1, IDS[i] != 0],
                    SOURCE_IDS[i : i + 1, SOURCE_IDS[i] != 0],
                ]
            )
            self.assert_real_are(output, IDS, i, alone)
            assert_all_close(mean[i], np.mean(alone[0], 0), atol=1e-5)
            assert_all_close(source_mean[i], source_alone[0], atol=1e-5)
        loaded = keras.saving.load_model(path)
        for one, other in zip(loaded([IDS, SOURCE_IDS]), expected, strict=True):
            assert_all_close(one, other, rtol=0, atol=1e-6)

    def test_positions_are_not_counted_on_padding(self):
        for positions in (
            layers.SinusoidalPositions(),
            layers.LearnedPositions(17),
        ):
            argument = np.array([[0, 1, 1, 1, 1]] * 3, bool)
            actual = positions(self.embed(IDS), mask=argument, start=1)
            plain = tf.constant(self.embed(IDS).numpy())
            both = argument & (IDS != 0)
            assert_all_close(actual, positions(plain, mask=both, start=1))
            assert_all_equal(implicit.mask_of(actual), both)

    def test_masks_that_do_not_fit_are_refused(self):
        encoder = stack(layers.Encoder)
        with pytest.raises(ValueError, match="must have shape"):
            encoder(self.embed(IDS), mask=np.ones((3, T + 1), bool))

    def test_without_an_attached_mask_there_is_none(self):
        inputs = tf.ones((B, T, D))
        assert implicit.mask_of(inputs) is None
        mask = tf.ones((B, T), bool)
        assert implicit.both(inputs, mask) is mask
        assert implicit.attach(inputs, None) is inputs
