"""An update is the same however the replicas share the tokens.

B batch   T target length   V vocabulary_size
"""

import contextlib
import copy
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import models, search
from keras_transformer.training import distributed_model, losses
from keras_transformer.translation import graphs, lengths, model_search
from tests import costs
from tests.assertions import (
    assert_all_close,
    assert_all_equal,
    assert_not_all_close,
)
from tests.training.speller import (
    RATE,
    SMOOTHING,
    TOKENS,
    VOCABULARY,
    Cases,
    Speller,
    dataset,
    draw,
    fit,
    make,
    token_losses,
    train_by_hand,
)

pytestmark = pytest.mark.seconds


class TestDistributedModel(Cases):
    @pytest.mark.parametrize(
        ("steps_per_execution", "jit_compile", "gradient_accumulation_steps"),
        costs.grid_of_several(
            list(itertools.product((1, 3), (False, True), (1, 2))),
            keep=[(1, False, 1), (3, True, 2)],
        ),
    )
    def test_fit_descends_on_the_mean_over_tokens(
        self, steps_per_execution, jit_compile, gradient_accumulation_steps
    ):
        settings = {
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
            "gradient_accumulation_steps": gradient_accumulation_steps,
        }
        batches = draw(TOKENS + TOKENS[:1])
        model = make(**settings)
        fit(model, batches)
        assert int(model.optimizer.iterations) == 6
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))

    def test_fit_without_a_graph(self):
        batches = draw()[:2]
        model = make(run_eagerly=True)
        fit(model, batches)
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))

    def test_batches_of_other_shapes(self):
        batches = draw() + draw(([2, 1],), seed=2)
        batches.append(tuple(array[:3, :2] for array in batches[0]))
        model = make()
        fit(model, batches)
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))

    def test_without_weights_every_token_counts(self):
        ids, labels, _ = draw()[0]
        model = make()
        model.fit(ids, labels, batch_size=len(ids), shuffle=False, verbose=0)
        ones = np.ones(labels.shape)
        self.assert_same_weights(
            model.get_weights(), train_by_hand([(ids, labels, ones)])
        )

    def test_a_function_can_be_the_loss(self):
        def squares(labels, logits):
            return tf.reduce_sum(logits**2, axis=-1)

        batch = draw()[0]
        model = make(loss=squares, optimizer=keras.optimizers.SGD(0.0))
        embedding, kernel, bias = model.get_weights()
        norms = ((embedding[batch[0]] @ kernel + bias) ** 2).sum(-1)
        logs = fit(model, [batch])
        assert_all_close(logs["loss"], norms[batch[2] > 0].mean())

    def test_fit_reports_the_smoothed_loss_of_all_its_tokens(self):
        batches = draw()
        model = make(optimizer=keras.optimizers.SGD(0.0))
        logs = fit(model, batches)
        expected = np.concatenate(
            [token_losses(model, batch, SMOOTHING) for batch in batches]
        )
        assert_all_close(logs["loss"], expected.mean(), rtol=1e-5)

    # Five batches: not a multiple of 3, and fewer than 7.
    @pytest.mark.parametrize(
        "per_execution", costs.grid([1, 3, 5, 7], keep=[3, 7])
    )
    def test_evaluate_is_the_unsmoothed_mean_over_tokens(self, per_execution):
        batches = draw()
        model = make(steps_per_execution=per_execution)
        before = model.get_weights()
        logs = model.evaluate(dataset(batches), verbose=0, return_dict=True)
        expected = np.concatenate(
            [token_losses(model, batch) for batch in batches]
        )
        assert_all_close(logs["loss"], expected.mean(), rtol=1e-5)
        embedding, kernel, bias = before
        right = np.concatenate(
            [
                ((embedding[ids] @ kernel + bias).argmax(-1) == labels)[
                    weights > 0
                ]
                for ids, labels, weights in batches
            ]
        )
        assert_all_close(logs["accuracy"], right.mean())
        self.assert_same_weights(model.get_weights(), before)

    @pytest.mark.parametrize(
        "steps_per_execution", costs.grid([1, 3], keep=[3])
    )
    def test_fit_reports_validation(self, steps_per_execution):
        batches = draw()
        model = make(steps_per_execution=steps_per_execution)
        logs = fit(
            model, batches[:3], validation_data=dataset(batches[:2]), epochs=2
        )
        expected = np.concatenate(
            [token_losses(model, batch) for batch in batches[:2]]
        )
        assert_all_close(logs["val_loss"], expected.mean(), rtol=1e-5)

    def test_every_batch_of_every_epoch_is_an_update(self):
        batches = draw()
        model = make()
        model.fit(dataset(batches), epochs=2, shuffle=False, verbose=0)
        assert model.optimizer.iterations.numpy() == 10
        self.assert_same_weights(
            model.get_weights(), train_by_hand(batches + batches)
        )

    @pytest.mark.parametrize(
        "steps_per_execution", costs.grid([1, 3], keep=[3])
    )
    def test_train_on_batch_makes_one_update(self, steps_per_execution):
        batches = draw()[:2]
        model = make(steps_per_execution=steps_per_execution)
        for ids, labels, weights in batches:
            model.train_on_batch(ids, labels, sample_weight=weights)
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))

    @pytest.mark.parametrize(
        ("batch_size", "settings"),
        [
            (5, {}),
            (8, {"steps_per_execution": 3}),
        ],
    )
    def test_batches_that_do_not_divide(self, batch_size, settings):
        ids, labels, _ = draw([[5] * 20])[0]
        model = make(gradient_accumulation_steps=3, **settings)
        with pytest.raises(
            ValueError,
            match=rf"must divide.*Received: {batch_size} rows, 1 "
            rf"replica\(s\) x 3",
        ):
            model.fit(ids, labels, batch_size=batch_size, verbose=0)
        data = tf.data.Dataset.from_tensors((ids, labels))
        with pytest.raises(ValueError, match="20 rows.*batch of 21 rows"):
            model.fit(data, verbose=0)
        assert int(model.optimizer.iterations) == 0

    # `shares_test.py` tests it with two replicas.
    @pytest.mark.grid
    def test_the_last_batch_need_not_divide(self):
        batches = draw() + draw(([2, 1, 4, 3, 5],), seed=2)
        model = make(gradient_accumulation_steps=4)
        logs = fit(model, batches)
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))
        assert "accuracy" in logs

    @pytest.mark.parametrize(
        "steps_per_execution", costs.grid([1, 3], keep=[3])
    )
    def test_data_of_unknown_number(self, steps_per_execution):
        batches = draw()
        model = make(steps_per_execution=steps_per_execution)
        data = dataset(batches).filter(lambda *_: True)
        # Keras learns the number of batches in the first epoch.
        with pytest.warns(UserWarning, match="ran out of data"):
            history = model.fit(data, epochs=2, shuffle=False, verbose=0)
        assert int(model.optimizer.iterations) == 10
        assert len(history.history["loss"]) == 2
        self.assert_same_weights(
            model.get_weights(), train_by_hand(batches + batches)
        )

    @pytest.mark.grid
    def test_several_steps_in_a_call_draw_the_same_dropout(self):
        ids = {"source_ids": 3 + draw()[0][0] % 7}
        _, labels, weights = draw()[0]
        ids["target_input_ids"] = np.where(weights > 0, 3 + labels % 7, 0)
        data = tf.data.Dataset.from_tensors((ids, labels, weights)).repeat(6)
        trained = []
        for steps_per_execution in (1, 3):
            keras.utils.set_random_seed(0)
            config = models.TransformerConfig(VOCABULARY, 1, 1, 8, 2, 13, 0.3)
            model = models.build_transformer(config)
            model.compile(
                keras.optimizers.Adam(0.01),
                losses.SmoothedCrossEntropy(),
                steps_per_execution=steps_per_execution,
            )
            logs = model.fit(data, shuffle=False, verbose=0).history
            seeds = [v.numpy() for v in model.non_trainable_variables]
            assert len(seeds) > 0  # The seeds of dropout.
            trained.append([*model.get_weights(), *seeds, logs["loss"][0]])
        for other in trained[1:]:
            for found, expected in zip(other, trained[0], strict=True):
                assert_all_equal(found, expected)

    @pytest.mark.parametrize(
        "method", ["fit", "evaluate", "train_on_batch", "test_on_batch"]
    )
    def test_weights_of_other_shapes(self, method):
        ids, labels, weights = draw()[0]
        with pytest.raises(ValueError, match=r"\(4, 2\) for labels.*\(4, 5"):
            getattr(make(), method)(ids, labels, sample_weight=weights[:, :2])

    def test_class_weight(self):
        for method in ("fit", "train_on_batch"):
            with pytest.raises(ValueError, match="Received: class_weight"):
                getattr(make(), method)(*draw()[0][:2], class_weight={1: 2.0})

    def test_an_optimizer_that_gathers_gradients(self):
        optimizer = keras.optimizers.SGD(RATE, gradient_accumulation_steps=7)
        with pytest.raises(
            ValueError, match="steps=7. Give it to `model.compile`"
        ):
            make(optimizer=optimizer)

    @pytest.mark.parametrize("method", ["fit", "train_on_batch"])
    def test_a_model_that_is_not_compiled(self, method):
        with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
            getattr(Speller(), method)(*draw()[0][:2])

    def test_a_functional_model(self):
        inputs = keras.Input((3,))
        with pytest.raises(ValueError, match="Write a subclass"):
            distributed_model.DistributedModel(inputs, inputs)
        with pytest.raises(ValueError, match="Write a subclass"):
            Speller(inputs=inputs, outputs=inputs)

    @pytest.mark.parametrize("micro_batches", [0, -3, 1.5])
    def test_bad_accumulation(self, micro_batches):
        with pytest.raises(
            ValueError, match=f"at least 1. Received: {micro_batches}"
        ):
            make(gradient_accumulation_steps=micro_batches)

    @pytest.mark.grid
    def test_scaled_loss_of_half_precision(self):
        optimizer = keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(RATE), initial_scale=2.0**10
        )
        batches = draw()
        model = make(optimizer=optimizer)
        logs = fit(model, batches)
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))
        assert logs["loss"] < 10

    @pytest.mark.grid
    @pytest.mark.parametrize(
        "how", costs.grid(["a file", "a copy"], keep=["a file"])
    )
    def test_a_model_that_was_compiled_trains_on(self, how, tmp_path):
        # Keras itself compiles no loaded model that overrides `compile`.
        def data():
            ids = draw()[0][0] % 7 + 1
            inputs = {"source_ids": ids, "target_input_ids": ids}
            weights = np.ones(ids.shape, "float32")
            return tf.data.Dataset.from_tensors((inputs, ids, weights))

        keras.utils.set_random_seed(0)
        config = models.TransformerConfig(VOCABULARY, 1, 1, 8, 2, 13, 0.0)
        model = models.build_transformer(config)
        model.compile(
            keras.optimizers.Adam(0.01),
            losses.SmoothedCrossEntropy(0.2, "others"),
            weighted_metrics=["sparse_categorical_accuracy"],
            gradient_accumulation_steps=2,
            # Eager, since tracing graphs would take most of the time.
            run_eagerly=True,
        )
        model.fit(data().repeat(3), verbose=0, shuffle=False)
        if how == "a copy":
            other = copy.deepcopy(model)
        else:
            path = f"{str(tmp_path)}/model.keras"
            model.save(path)
            other = keras.models.load_model(path)
        expected = model.evaluate(data(), return_dict=True, verbose=0)
        assert len(expected) == 2
        assert_all_close(
            other.evaluate(data(), return_dict=True, verbose=0), expected
        )
        assert other.loss.smoothing_over == "others"
        assert other.gradient_accumulation_steps == 2
        for each in (model, other):
            if how == "a copy":
                # Keras copies the weights, but not the optimizer's variables.
                each.optimizer = keras.optimizers.Adam(0.01)
                each.make_train_function(force=True)
            each.fit(data().repeat(2), verbose=0, shuffle=False)
        for found, wanted in zip(
            other.get_weights(), model.get_weights(), strict=True
        ):
            assert_all_close(found, wanted, rtol=0, atol=1e-6)


class TestTwoReplicas(Cases):
    @pytest.fixture(autouse=True)
    def replicate(self, two_replicas):
        self.strategy = two_replicas

    def test_there_are_two(self):
        assert self.strategy.num_replicas_in_sync == 2

    @pytest.mark.parametrize(
        "settings",
        costs.grid(
            [
                {},
                {"steps_per_execution": 3},
                {"steps_per_execution": 3, "jit_compile": True},
            ],
            # `test_scaled_loss_of_half_precision` trains without settings.
            keep=[{"steps_per_execution": 3, "jit_compile": True}],
        ),
    )
    def test_fit_is_that_of_one_replica(self, settings):
        # The third batch has no tokens.
        batches = draw((*TOKENS[:2], [0, 0, 0, 0], *TOKENS[2:]))
        model = make(self.strategy, **settings)
        logs = fit(model, batches)
        assert model.optimizer.iterations.numpy() == 6
        assert np.isfinite(logs["loss"])
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))
        # Both replicas have the same weights.
        for variable in model.trainable_variables:
            one, other = self.strategy.experimental_local_results(
                variable.value
            )
            assert_all_equal(one, other)

    # The test above makes an update with each batch of one epoch.
    @pytest.mark.grid
    def test_every_batch_of_every_epoch_is_an_update(self):
        batches = draw()
        model = make(self.strategy)
        model.fit(dataset(batches), epochs=2, shuffle=False, verbose=0)
        assert model.optimizer.iterations.numpy() == 10
        self.assert_same_weights(
            model.get_weights(), train_by_hand(batches + batches)
        )

    @pytest.mark.grid
    def test_logs_are_those_of_one_replica(self):
        batches = draw()
        one = make(steps_per_execution=3)
        two = make(self.strategy, steps_per_execution=3)
        settings = {"validation_data": dataset(batches[1:]), "epochs": 2}
        expected = fit(one, batches[:3], **settings)
        found = fit(two, batches[:3], **settings)
        assert set(found) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        for name, value in expected.items():
            assert_all_close(found[name], value, rtol=1e-5, msg=name)

    def test_evaluate_is_the_unsmoothed_mean_over_tokens(self):
        batches = draw()
        model = make(self.strategy)
        logs = model.evaluate(dataset(batches), verbose=0, return_dict=True)
        expected = np.concatenate(
            [token_losses(model, batch) for batch in batches]
        )
        assert_all_close(logs["loss"], expected.mean(), rtol=1e-5)

    def test_a_batch_without_tokens_changes_nothing(self):
        model = make(self.strategy)
        before = model.get_weights()
        logs = fit(model, draw([[0, 0, 0, 0]]))
        assert_all_equal(logs["loss"], 0.0)
        for one, other in zip(model.get_weights(), before, strict=True):
            assert_all_equal(one, other)

    def test_scaled_loss_of_half_precision(self):
        with self.strategy.scope():
            optimizer = keras.optimizers.LossScaleOptimizer(
                keras.optimizers.SGD(RATE), initial_scale=2.0**10
            )
        batches = draw()
        model = make(self.strategy, optimizer=optimizer)
        fit(model, batches)
        self.assert_same_weights(model.get_weights(), train_by_hand(batches))

    # `replicas_test.py` trains a Transformer for more steps.
    @pytest.mark.grid
    def test_the_transformer_trains_as_on_one_replica(self):
        ids = {"source_ids": 3 + draw()[0][0] % 7}
        _, labels, weights = draw()[0]
        ids["target_input_ids"] = np.where(weights > 0, 3 + labels % 7, 0)
        data = tf.data.Dataset.from_tensors((ids, labels, weights)).repeat(3)
        trained = []
        for strategy in (None, self.strategy):
            keras.utils.set_random_seed(0)
            with strategy.scope() if strategy else contextlib.nullcontext():
                config = models.TransformerConfig(
                    VOCABULARY, 1, 1, 8, 2, 13, dropout=0.0
                )
                model = models.build_transformer(config)
                model.compile(
                    keras.optimizers.SGD(RATE), losses.SmoothedCrossEntropy()
                )
            start = model.get_weights()
            model.fit(data, shuffle=False, verbose=0)
            trained.append(model.get_weights())
        self.assert_same_weights(trained[1], trained[0])
        assert_not_all_close(trained[0][0], start[0], atol=1e-3)

    # How rows are shared does not depend on the search: one is enough.
    @pytest.mark.grid
    @pytest.mark.parametrize(
        "searching",
        [
            search.GreedySearch(),
            pytest.param(
                search.BeamSearch(beam_size=3), marks=pytest.mark.grid
            ),
        ],
    )
    def test_a_compiled_search_shares_its_rows(self, searching):
        def make_model():
            config = models.TransformerConfig(VOCABULARY, 1, 1, 8, 2, 13)
            return models.build_transformer(config)

        keras.utils.set_random_seed(1)
        plain = make_model()
        for weight in plain.trainable_weights:
            # The weights are so large that rows have different translations.
            weight.assign(3 * weight)
        with self.strategy.scope():
            model = make_model()
        model.set_weights(plain.get_weights())
        source_ids = tf.constant(3 + draw()[0][0][:3] % 7, tf.int32)
        limits = lengths.Lengths(ratio=1.0, extra=3)
        found, expected = (
            graphs.in_graphs(
                model_search.ModelSearch(each, searching, limits, end_id=2),
                jit_compile,
            )(source_ids)
            for each, jit_compile in ((model, True), (plain, False))
        )
        columns = expected.ids.shape[-1]
        assert np.unique(expected.ids).size > 2
        assert_all_equal(found.ids[:, :, :columns], expected.ids)
        assert_all_close(found.scores, expected.scores, rtol=1e-5)
