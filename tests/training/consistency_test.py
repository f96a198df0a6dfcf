"""Consistency losses: values, gradients, replicas and schedules.

B batch   T target length   V vocabulary_size
"""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models
from keras_transformer.training import (
    consistency,
    distributed_model,
    losses,
)
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)

B, T, V = 6, 5, 7
BOTH = (consistency.RDrop(weight=0.7), consistency.SimCut(0.7, cut_off=0.3))


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def slow_divergence(p, q):
    """Returns KL(P || Q) of two vectors of logits, by its definition."""
    p, q = (np.exp(x.astype("float64")) for x in (p, q))
    p, q = p / p.sum(), q / q.sum()
    return sum(a * np.log(a / b) for a, b in zip(p, q, strict=True))


def slow_cross_entropy(label, logits):
    logits = logits.astype("float64")
    return np.log(np.exp(logits).sum()) - logits[label]


class Noisy(distributed_model.DistributedModel):
    """A table of logits, with noise that is the same in every test.

    In training every second pass multiplies the table by 1 plus noise. With a
    `scale` of 0 there is no noise. Tokens that are not kept have zero logits.
    """

    def __init__(self, scale=1.0):
        super().__init__()
        self.table = self.add_weight(
            shape=(V, V), initializer=lambda *_, **__: draw(V, V)
        )
        self.scale = scale
        self.passes = 0

    def call(self, inputs, training=False):
        if not isinstance(inputs, dict):
            inputs = {"target_input_ids": inputs}
        table = tf.convert_to_tensor(self.table)
        if training:
            self.passes += 1
            if self.passes % 2 == 0:
                table += self.scale * draw(V, V, seed=1) * table
        logits = tf.gather(table, inputs["target_input_ids"])
        if "target_kept" in inputs:
            kept = inputs["target_kept"] & inputs["source_kept"]
            logits *= tf.cast(kept, "float32")[..., None]
        return logits


def batch():
    generator = np.random.default_rng(3)
    ids, labels = generator.integers(0, V, size=(2, B, T), dtype="int32")
    weights = (np.arange(T) < [[5], [1], [3], [4], [2], [0]]).astype("float32")
    return {"source_ids": ids, "target_input_ids": ids}, labels, weights


def train(model, loss, **settings):
    """Makes one step with a rate of 1; returns the loss and the gradient.

    Without settings the step runs eagerly, since tracing a graph would take
    most of the time.
    """
    inputs, labels, weights = batch()
    model.compile(
        keras.optimizers.SGD(1.0),
        losses.SmoothedCrossEntropy(0.0),
        consistency=loss,
        **(settings or {"run_eagerly": True}),
    )
    data = tf.data.Dataset.from_tensors((inputs, labels, weights))
    before = model.table.numpy()
    logs = model.fit(data, verbose=0, shuffle=False).history
    return logs["loss"][0], before - model.table.numpy()


class TestDivergences:
    def test_equal_the_slow_reference(self):
        logits, others = draw(B, T, V), draw(B, T, V, seed=1)
        forward = consistency.forward_divergence(logits, others)
        symmetric = consistency.symmetric_divergence(logits, others)
        for index in np.ndindex(B, T):
            there = slow_divergence(logits[index], others[index])
            back = slow_divergence(others[index], logits[index])
            assert_all_close(forward[index], there, rtol=1e-5, atol=1e-6)
            assert_all_close(
                symmetric[index], (there + back) / 2, rtol=1e-5, atol=1e-6
            )

    def test_are_zero_between_equal_predictions(self):
        logits = draw(B, T, V)
        # A constant that is added to the logits changes no prediction.
        for divergence in (
            consistency.forward_divergence,
            consistency.symmetric_divergence,
        ):
            assert_all_equal(divergence(logits, logits), np.zeros((B, T)))
            assert_all_close(
                divergence(logits, logits + 1), np.zeros((B, T)), atol=1e-6
            )

    @pytest.mark.xla
    @pytest.mark.parametrize("loss", BOTH)
    def test_large_vocabularies_are_compiled_to_the_same(self, loss):
        logits, others = draw(2, 3, 521), draw(2, 3, 521, seed=1)
        inside = tf.function(loss.divergence)(logits, others)
        assert_all_close(
            inside, loss.divergence(logits, others), rtol=1e-5, atol=1e-6
        )


class TestStep:
    @pytest.mark.parametrize("loss", BOTH)
    def test_is_the_slow_reference(self, loss):
        model = Noisy()
        inputs, labels, weights = batch()
        table = model.table.numpy()
        others = table + draw(V, V, seed=1) * table
        second = loss.second_inputs(inputs, tf.constant(0, tf.int64))
        kept = np.ones((B, T), bool)
        if isinstance(loss, consistency.SimCut):
            kept = second["source_kept"].numpy() & second["target_kept"].numpy()
            assert 0 < kept.mean() < 1
        total = 0
        for index in np.argwhere(weights):
            index = tuple(index)
            p = table[inputs["target_input_ids"][index]]
            q = others[inputs["target_input_ids"][index]] * kept[index]
            total += slow_cross_entropy(labels[index], p)
            there = slow_divergence(p, q)
            if isinstance(loss, consistency.RDrop):
                total += slow_cross_entropy(labels[index], q)
                total += 0.7 * (there + slow_divergence(q, p)) / 2
            else:
                total += 0.7 * there
        found, _ = train(model, loss)
        assert_all_close(found, total / weights.sum(), rtol=1e-5)

    @pytest.mark.parametrize("loss", BOTH)
    def test_gradient_flows_through_both_passes(self, loss):
        inputs, labels, weights = batch()
        model = Noisy()
        table = tf.Variable(model.table.numpy())
        second = loss.second_inputs(inputs, tf.constant(0, tf.int64))
        kept = second.get("target_kept", True) & second.get("source_kept", True)
        kept = tf.cast(tf.broadcast_to(kept, (B, T)), "float32")[..., None]
        with tf.GradientTape() as tape:
            ids = inputs["target_input_ids"]
            logits = tf.gather(table, ids)
            noise = 1 + draw(V, V, seed=1)
            others = tf.gather(noise * table, ids) * kept
            values = losses.cross_entropy(labels, logits)
            values += 0.7 * loss.divergence(logits, others)
            if loss.repeats_loss:
                values += losses.cross_entropy(labels, others)
            mean = tf.reduce_sum(values * weights) / weights.sum()
        _, gradient = train(model, loss)
        assert_all_close(
            gradient,
            tf.convert_to_tensor(tape.gradient(mean, table)),
            rtol=0,
            atol=1e-6,
        )

    def test_is_zero_without_noise_and_without_cuts(self):
        plain, gradient = train(Noisy(0.0), None)
        loss = consistency.SimCut(5.0, cut_off=0.0)
        found, same = train(Noisy(0.0), loss)
        assert_all_close(found, plain, rtol=1e-6)
        # The gradient is a difference of weights near 1: hence the tolerance.
        assert_all_close(same, gradient, rtol=0, atol=1e-6)
        # R-Drop counts the cross-entropy of both passes.
        found, same = train(Noisy(0.0), consistency.RDrop(5.0))
        assert_all_close(found, 2 * plain, rtol=1e-6)
        assert_all_close(same, 2 * gradient, rtol=0, atol=1e-6)

    # In each replica and micro-batch, `SimCut` cuts a row in the same way: see
    # `test_a_rows_cuts_do_not_depend_on_the_rows_beside_it`.
    @pytest.mark.parametrize("loss", costs.grid(BOTH, keep=BOTH[:1]))
    @pytest.mark.parametrize(
        ("replicas", "settings"),
        [
            (2, {"gradient_accumulation_steps": 3}),
            *(
                pytest.param(*case, marks=pytest.mark.grid)
                for case in (
                    (1, {"gradient_accumulation_steps": 3}),
                    (2, {"run_eagerly": False}),
                )
            ),
        ],
    )
    def test_replicas_and_micro_batches_make_the_same_step(
        self, loss, replicas, settings, two_replicas
    ):
        expected = train(Noisy(), loss)
        strategy = two_replicas if replicas == 2 else None
        with (strategy or tf.distribute.get_strategy()).scope():
            model = Noisy()
        # Replicas are traced one by one, so each has a pass with noise.
        for one, other in zip(
            train(model, loss, **settings), expected, strict=True
        ):
            assert_all_close(one, other, rtol=1e-5, atol=1e-6)
        plain = train(Noisy(), None)
        assert_not_all_close(expected[1], plain[1], atol=1e-2)

    @pytest.mark.xla
    def test_xla_compiles_the_second_pass(self):
        loss = consistency.SimCut(0.7, ramp_steps=2, cut_off=0.3)
        expected = train(Noisy(), loss)
        for one, other in zip(
            train(Noisy(), loss, jit_compile=True), expected, strict=True
        ):
            assert_all_close(one, other, rtol=1e-5, atol=1e-6)

    # The tests above make a step with each loss.
    @pytest.mark.grid
    @pytest.mark.parametrize("loss", BOTH)
    def test_a_transformer_learns_with_it(self, loss):
        keras.utils.set_random_seed(0)
        model = models.build_transformer(
            models.TransformerConfig(V, 1, 1, 8, 2, 11, dropout=0.1)
        )
        model.compile(
            keras.optimizers.Adam(0.02),
            losses.SmoothedCrossEntropy(0.1),
            consistency=loss,
        )
        inputs, _, weights = batch()
        labels = inputs["source_ids"]
        data = tf.data.Dataset.from_tensors((inputs, labels, weights))
        fit = model.fit(data.repeat(40), epochs=2, verbose=0, shuffle=False)
        first, last = fit.history["loss"]
        assert last < 0.8 * first

    @pytest.mark.parametrize("loss", BOTH)
    def test_is_in_the_config_of_compile(self, loss):
        model, copy = Noisy(), Noisy()
        model.compile("adam", losses.SmoothedCrossEntropy(), consistency=loss)
        copy.compile_from_config(model.get_compile_config())
        assert copy.consistency == loss


class TestDistillation:
    def test_imitates_the_teacher_without_changing_it(self):
        inputs, labels, weights = batch()
        teacher = Noisy(0.0)
        teacher.table.assign(draw(V, V, seed=5))
        student = Noisy(0.0)
        p, q = student.table.numpy(), teacher.table.numpy()
        total = 0
        for index in np.argwhere(weights):
            token = inputs["target_input_ids"][tuple(index)]
            total += slow_cross_entropy(labels[tuple(index)], p[token])
            total += 0.7 * slow_divergence(q[token], p[token])
        loss = consistency.Distillation(0.7, teacher=teacher)
        found, gradient = train(student, loss)
        assert_all_close(found, total / weights.sum(), rtol=1e-5)
        assert_all_equal(teacher.table, q)
        _, plain = train(Noisy(0.0), None)
        assert_not_all_close(gradient, plain, atol=1e-2)
        # The teacher is neither trained nor saved with the student.
        assert len(student.trainable_variables) == 1
        assert "consistency" not in student.get_compile_config()

    def test_a_mask_of_the_student_counts(self):
        """Without token weights, the mask of the logits gives the weights."""

        class Masked(Noisy):
            def call(self, inputs, training=False):
                logits = super().call(inputs, training)
                keras.tree.map_structure(
                    lambda x: setattr(x, "_keras_mask", weights > 0), logits
                )
                return logits

        inputs, labels, weights = batch()
        results = []
        for model, sample_weights in (
            (Masked(0.0), None),
            (Noisy(0.0), weights),
        ):
            teacher = Noisy(0.0)
            teacher.table.assign(draw(V, V, seed=5))
            model.compile(
                keras.optimizers.SGD(1.0),
                losses.SmoothedCrossEntropy(0.0),
                consistency=consistency.Distillation(0.7, teacher=teacher),
                run_eagerly=True,
            )
            results.append(model.train_on_batch(inputs, labels, sample_weights))
        assert_all_close(*results, rtol=1e-6)

    def test_a_model_that_is_its_own_teacher_learns_nothing_more(self):
        model = Noisy(0.0)
        loss = consistency.Distillation(5.0, teacher=model)
        found, gradient = train(model, loss)
        plain, expected = train(Noisy(0.0), None)
        assert_all_close(found, plain, rtol=1e-6)
        assert_all_close(gradient, expected, rtol=0, atol=1e-6)


class TestSchedule:
    def test_share_rises_from_the_first_step(self):
        loss = consistency.RDrop(start_step=3, ramp_steps=4)
        shares = [float(loss.share(tf.constant(i))) for i in range(9)]
        assert shares == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1]
        loss = consistency.RDrop(start_step=2)
        assert [float(loss.share(i)) for i in range(4)] == [0, 0, 1, 1]
        assert consistency.SimCut().share(0) == 1.0

    @pytest.mark.parametrize("loss", BOTH)
    def test_scales_what_the_second_pass_adds(self, loss):
        plain, full = (train(Noisy(), each) for each in (None, loss))
        half = dataclasses.replace(loss, ramp_steps=2)
        for one, other, mean in zip(
            plain, full, train(Noisy(), half), strict=True
        ):
            assert_all_close((one + other) / 2, mean, rtol=1e-5, atol=1e-6)
        never = dataclasses.replace(loss, start_step=11)
        for one, other in zip(plain, train(Noisy(), never), strict=True):
            # Gradients are differences of weights near 1: hence the tolerance.
            assert_all_close(one, other, rtol=1e-6, atol=1e-6)


class TestSimCut:
    def test_cuts_its_share_independently(self):
        ids = np.random.default_rng(0).integers(3, 89, size=(211, 101))
        inputs = {"source_ids": ids, "target_input_ids": ids}
        loss = consistency.SimCut(cut_off=0.2)
        draws = [
            loss.second_inputs(inputs, tf.constant(step, tf.int64))[name]
            for step in (0, 1)
            for name in ("source_kept", "target_kept")
        ]
        draws.append(
            dataclasses.replace(loss, seed=1).second_inputs(inputs, 0)[
                "source_kept"
            ]
        )
        # Five standard deviations of a mean of Bernoulli draws.
        tolerance = 5 * np.sqrt(0.2 * 0.8 / ids.size)
        centred = [np.array(kept) - 0.8 for kept in draws]
        for i, kept in enumerate(centred):
            assert abs(kept.mean()) < tolerance
            for axis in (0, 1):
                moved = np.roll(kept, 1, axis)
                assert abs((kept * moved).mean()) < tolerance
            for other in centred[:i]:
                assert abs((kept * other).mean()) < tolerance

    def test_cuts_all_tokens_if_the_share_is_almost_one(self):
        kept = consistency.SimCut(cut_off=1 - 2.0**-40).second_inputs(
            batch()[0], 0
        )
        assert not kept["source_kept"].numpy().any()

    def test_a_rows_cuts_do_not_depend_on_the_rows_beside_it(self):
        inputs, _, _ = batch()
        loss = consistency.SimCut(cut_off=0.3)
        whole = loss.second_inputs(inputs, 7)["target_kept"].numpy()
        some = {name: ids[2:4] for name, ids in inputs.items()}
        assert_all_equal(loss.second_inputs(some, 7)["target_kept"], whole[2:4])

    def test_other_inputs_are_kept(self):
        inputs = {**batch()[0], "source_segment_ids": "segments"}
        second = consistency.SimCut().second_inputs(inputs, 0)
        assert second["source_segment_ids"] == "segments"
        assert second["source_ids"] is inputs["source_ids"]

    def test_refuses_inputs_without_ids(self):
        with pytest.raises(ValueError, match="Received: inputs .'source_ids'"):
            consistency.SimCut().second_inputs({"source_ids": 1}, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: consistency.Distillation(), "needs a teacher"),
        (lambda: consistency.RDrop(-1.0), "`weight` must be at least 0"),
        (lambda: consistency.RDrop(ramp_steps=-1), "`ramp_steps`.*-1"),
        (lambda: consistency.SimCut(start_step=-2), "`start_step`.*-2"),
        (lambda: consistency.SimCut(cut_off=1.0), r"in \[0, 1\).*1.0"),
        (
            lambda: Noisy().compile("sgd", consistency=BOTH[0]),
            "added to the loss of each token",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_model_of_kept_tokens_has_zero_embeddings_elsewhere():
    model = models.build_transformer(
        models.TransformerConfig(V + 3, 1, 1, 8, 2, 11, tying="none")
    )
    ids = {name: value + 3 for name, value in batch()[0].items()}
    # The last id replaces tokens that are not kept: its embedding is zero.
    for embedding in (model.source_embedding, model.target_embedding):
        table = embedding.embeddings.numpy()
        table[-1] = 0
        embedding.embeddings.assign(table)
    kept = {
        "source_kept": draw(B, T) > 0,
        "target_kept": draw(B, T, seed=1) > 0,
    }
    replaced = {
        name: np.where(mask, value, V + 2)
        for (name, value), mask in zip(ids.items(), kept.values(), strict=True)
    }
    assert_all_close(model({**ids, **kept}), model(replaced), atol=1e-6)
