"""A Keras model whose train step is the same on any number of replicas.

Keras averages a loss over the tokens of each replica and then over the
replicas. The weight of a token then depends on how many tokens its replica has.
Here the loss is the weighted mean over the target tokens of all replicas. So
several replicas make the same step as one replica.

B batch   T target length   V vocabulary_size
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_transformer.training import (
    accumulation,
    arguments,
    executions,
    replica_steps,
    token_loss,
    updates,
)
from keras_transformer.training import (
    consistency as consistency_losses,
)


class DistributedModel(replica_steps.ReplicaSteps):
    """A `keras.Model` whose loss is a mean over the tokens of all replicas.

    A batch is `(inputs, labels, weights)`. Labels are integers `(B, T)`.
    Weights are `(B,)` or `(B, 1)`, one for each row, or `(B, T)`, one for each
    token, with 0 for padding. Without weights, each token has the weight 1. The
    model's output is the logits `(B, T, V)`. A Keras mask on the logits or the
    `ignore_class` of the loss can mask tokens. A masked token counts neither in
    the loss nor in a metric.

    `fit` minimizes the weighted mean of the `loss` of `compile` over the
    tokens, times `loss_weights`, plus the `consistency` loss and penalties.
    Penalties are the losses of regularizers and of `add_loss`. Each micro-batch
    has its own penalties, weighted by its share of the rows of the batch.

    The `loss` of `evaluate` is the weighted mean of the cross-entropy over the
    tokens, in nats. It has no label smoothing, no factor `loss_weights`, no
    `consistency` loss and no penalties. But if `compile` gets no `loss`, or if
    `compute_loss` is overridden, `evaluate` reports the result of
    `compute_loss`.

    These settings have the same effect under every strategy as on one device:
    `steps_per_execution`, `jit_compile`, `gradient_accumulation_steps`, and the
    optimizer's clipping, moving average and loss scale. `jit_compile` is off by
    default, because XLA compiles the model again for each new batch shape. A
    subclass may override `compute_loss`. Then it can be trained and evaluated
    only on one replica, without gradient accumulation.
    """

    # Keras sets these attributes. Here they only get types.
    train_function: Callable[..., Any] | None
    test_function: Callable[..., Any] | None
    predict_function: Callable[..., Any] | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Makes a model, as in Keras, but not a functional model.

        Raises:
            ValueError: an argument is positional, or is called `inputs` or
                `outputs`.
        """
        # Keras would make `Functional` a base class of this class, and so of
        # `Transformer`, which could then not be made any more.
        if args or "inputs" in kwargs or "outputs" in kwargs:
            raise ValueError(
                "A DistributedModel has a method `call`. Received: the inputs "
                "and outputs of a functional model. Write a subclass, and call "
                "the functional model in its `call`."
            )
        super().__init__(**kwargs)

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer | str = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool = False,
        auto_scale_loss: bool = True,
        *,
        gradient_accumulation_steps: int = 1,
        consistency: consistency_losses.ConsistencyLoss | None = None,
    ) -> None:
        """Configures the model as `keras.Model.compile` does.

        Args:
            optimizer: as in Keras, but not `None`.
            loss: as in Keras, but it must return a number for each token;
                `None` to train only on `add_loss` and regularizers.
            loss_weights: a number, the factor of `loss`; `None` for 1.
            metrics: as in Keras, without weights. Padding counts if not masked.
            weighted_metrics: as in Keras, with the weights of tokens.
            run_eagerly, steps_per_execution: as in Keras.
            jit_compile: whether XLA compiles the forward and the backward pass.
            auto_scale_loss: as in Keras.
            gradient_accumulation_steps: the number of micro-batches that each
                replica cuts its share of a batch into. A larger number needs
                less memory, and does not change the result of a step.
            consistency: `RDrop`, `SimCut` or `Distillation`, a loss between two
                passes over each batch of training; `None` for one pass.

        Raises:
            ValueError: `gradient_accumulation_steps` is no positive int; there
                is no optimizer, or the optimizer accumulates gradients;
                `TokenLoss` refuses `loss` or `loss_weights`, such as two
                losses; `loss_weights` or `consistency` is given without `loss`;
                `consistency` is given, and `compute_loss` is overridden; a
                metric is called `loss`.
        """
        self._set_consistency(consistency, loss)
        accumulation.check_micro_batches(gradient_accumulation_steps)
        updates.check_optimizer(keras.optimizers.get(optimizer))
        arguments.check_names(metrics, weighted_metrics)
        self._token_loss = token_loss.make(loss, loss_weights)
        super().compile(
            optimizer,
            loss,
            loss_weights,
            metrics,
            weighted_metrics,
            run_eagerly,
            steps_per_execution,
            jit_compile,
            auto_scale_loss,
        )
        self.auto_scale_loss = auto_scale_loss
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._build_metrics()

    def get_compile_config(self) -> dict[str, Any]:
        """Returns the arguments of `compile` that a model file contains."""
        config = super().get_compile_config()
        if self.compiled:
            config["auto_scale_loss"] = self.auto_scale_loss
            config["gradient_accumulation_steps"] = (
                self.gradient_accumulation_steps
            )
            if self.consistency is not None and self.consistency.is_saved:
                config["consistency"] = keras.saving.serialize_keras_object(
                    self.consistency
                )
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model with the arguments that its file contains."""
        # Keras does not compile a loaded model whose class overrides `compile`.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does.

        Raises:
            ValueError: labels or weights are not arrays of the shapes in the
                description of the class; there is a `class_weight`; the number
                of rows of a batch is known, and is no multiple of the number
                of replicas times `gradient_accumulation_steps`; or
                `compute_loss` is overridden, and this product is not 1.
        """
        args = (x, y, batch_size, *args)
        arguments.check_call(super().fit, args, kwargs)
        self._check_shares(self.gradient_accumulation_steps)
        accumulation.check_rows(
            arguments.rows_of(x, batch_size),
            self.distribute_strategy.num_replicas_in_sync,
            self.gradient_accumulation_steps,
        )
        return super().fit(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Checks labels and weights, then runs `keras.Model.evaluate`.

        Raises:
            ValueError: labels or weights are not arrays of the shapes in the
                description of the class; or `compute_loss` is overridden, and
                there are several replicas.
        """
        arguments.check_call(super().evaluate, args, kwargs)
        self._check_shares(1)
        return super().evaluate(*args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Checks labels and weights, then runs Keras's `train_on_batch`.

        Raises:
            ValueError: as for `fit`, but the number of rows is not checked.
        """
        arguments.check_call(super().train_on_batch, args, kwargs)
        self._check_shares(self.gradient_accumulation_steps)
        return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Checks labels and weights, then runs Keras's `test_on_batch`.

        Raises:
            ValueError: as for `evaluate`.
        """
        arguments.check_call(super().test_on_batch, args, kwargs)
        self._check_shares(1)
        return super().test_on_batch(*args, **kwargs)

    def make_train_function(self, force: bool = False) -> Callable[..., Any]:
        """Makes the function that `fit` calls with its iterator.

        Args:
            force: whether to make it again if it exists already.
        """
        if self.built and not self.optimizer.built:
            # The optimizer's variables are made outside the graph. Otherwise
            # each call of the graph would check whether they exist. This check
            # fails on several replicas.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
        if self.train_function is None or force:
            self.train_function = executions.over_iterator(
                self, self.train_step, self.steps_per_execution
            )
        return self.train_function

    def make_test_function(self, force: bool = False) -> Callable[..., Any]:
        """Makes the function that `evaluate` calls with its iterator.

        Args:
            force: whether to make it again if it exists already.
        """
        if self.test_function is None or force:
            run_step = executions.over_iterator(self, self.test_step, 1)

            # The data may end before `steps_per_execution` steps. Then the
            # function returns the logs of the steps before the end.
            def run_steps(iterator):
                logs = run_step(iterator)
                for _ in range(1, self.steps_per_execution):
                    try:
                        logs = run_step(iterator)
                    except (StopIteration, tf.errors.OutOfRangeError):
                        break
                return logs

            self.test_function = run_steps
        return self.test_function

    def make_predict_function(self, force: bool = False) -> Callable[..., Any]:
        """Makes the function that `predict` calls with its batches.

        Args:
            force: whether to make it again if it exists already.
        """
        if self.predict_function is None or force:
            super().make_predict_function(force)
            predict: Any = self.predict_function

            def predict_batches(batches):
                with executions.without_collection():
                    return predict(batches)

            self.predict_function = predict_batches
        return self.predict_function

    def _build_metrics(self):
        # Keras builds metrics from a call of the model. Under a strategy it
        # calls the model with the mean of the replicas' batches, where ids are
        # no longer integers. So the metrics are built here, from ranks and
        # types, which are always the same.
        labels = keras.KerasTensor([1, 1], "int32")
        logits = keras.KerasTensor([1, 1, 2], "float32")
        for metric in super().metrics:
            if metric.name == "compile_metrics":
                metric.build(labels, logits)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras's method reads a batch and computes the mean of the replicas'
        # ids, which fails on several workers. The method is not needed, because
        # `compile` has built the metrics.
        del iterator, data_batch

    def _set_consistency(self, consistency, loss):
        self.consistency = consistency
        if consistency and (loss is None or self._has_own_loss()):
            raise ValueError(
                "A consistency loss is added to the loss of each token. "
                f"Received: consistency={consistency} with loss={loss!r}. Give "
                "a loss, and do not override `compute_loss`."
            )

    def _check_shares(self, micro_batches):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas * micro_batches > 1 and self._has_own_loss():
            raise ValueError(
                "An overridden `compute_loss` gets only the rows that one "
                "replica reads at a time, and its results cannot be combined "
                f"for the whole batch. Received: {type(self).__name__} with a "
                f"`compute_loss` of its own, {replicas} replica(s) x "
                f"{micro_batches} micro-batch(es). Train on one replica "
                "without `gradient_accumulation_steps`, or give the loss of "
                "each token to `compile` and other losses by `add_loss`."
            )
