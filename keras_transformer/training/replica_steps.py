"""The train step and the test step of one replica.

A replica reads its share of a batch in one or several micro-batches, one after
another. The loss and the gradients of a micro-batch are weighted sums over its
tokens, divided by the sum of the token weights of the whole batch. Their sums
over all micro-batches and replicas are the loss and the gradients of the batch.

B batch   T target length   V vocabulary_size
"""

import inspect
from typing import Any

import keras
import tensorflow as tf

from keras_transformer.training import (
    accumulation,
    executions,
    losses,
    token_loss,
    token_weights,
    updates,
)
from keras_transformer.training import (
    consistency as consistency_losses,
)
from keras_transformer.training import (
    gradient_norms as norms,
)


class ReplicaSteps(keras.Model):
    """The base class of `DistributedModel`, with its train and test steps.

    `DistributedModel.compile` sets the first three attributes.
    """

    # `fit` reads this attribute before Keras checks that the model is compiled.
    # Without a default, `fit` would raise an AttributeError, not Keras's error.
    gradient_accumulation_steps: int = 1
    consistency: consistency_losses.ConsistencyLoss | None
    _token_loss: token_loss.TokenLoss | None
    # A `GradientNorms` callback assigns itself to this attribute when training
    # begins. `train_step` passes the callback's `report` to `updates.apply`.
    gradient_norms: norms.GradientNorms | None = None

    def train_step(self, data: Any) -> None:
        """Makes one replica's part of a training step.

        Adds the replica's share of a batch to the metrics, and updates the
        weights by the gradients of all replicas.
        """
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        batch_size = self._batch_size(x, y, weights)
        compute = self._compiled(self._loss_and_gradients)

        def gradients_of(micro_batch):
            report, logits, mask, gradients = compute(*micro_batch, batch_size)
            self._update_metrics(report, micro_batch, logits, mask)
            return gradients

        gradients = accumulation.add_up(
            gradients_of,
            (x, y, weights),
            self.gradient_accumulation_steps,
            self.trainable_variables,
        )
        updates.apply(
            self.optimizer,
            gradients,
            self.trainable_variables,
            self.distribute_strategy.num_replicas_in_sync,
            self.gradient_norms and self.gradient_norms.report,
        )

    def test_step(self, data: Any) -> None:
        """Adds one replica's share of a batch to the metrics."""
        batch = keras.utils.unpack_x_y_sample_weight(data)
        compute = self._compiled(self._logits_and_loss)
        report, logits, mask = compute(*batch)
        self._update_metrics(report, batch, logits, mask)

    def compute_loss(
        self,
        x: Any = None,
        y: token_weights.TensorLike | None = None,
        y_pred: Any = None,
        sample_weight: token_weights.TensorLike | None = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Returns the loss of a batch, as in Keras.

        Args:
            x: not used.
            y: labels `(B, T)`.
            y_pred: logits `(B, T, V)`.
            sample_weight: `(B,)`, `(B, 1)`, `(B, T)` or `None`.
            training: not used.

        Returns:
            A float32 scalar: the weighted mean of the `loss` of `compile` over
            the tokens, times `loss_weights`, plus the penalties of the last
            call of the model. The consistency loss is not included.

        Raises:
            ValueError: shapes differ from these, there is a loss but no `y`, or
                there is neither a loss nor a penalty.
        """
        del x, training
        total = self._total(y, y_pred, sample_weight)
        return self._share_of_loss(total, None, 1.0)

    def _compiled(self, function):
        """Compiles a function by XLA if `jit_compile` is True.

        A model that runs eagerly compiles nothing. For a TPU, XLA compiles the
        whole step in any case.
        """
        strategy = self.distribute_strategy
        is_on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
        if self.jit_compile and not self.run_eagerly and not is_on_tpu:
            return tf.function(function, jit_compile=True)
        return function

    def _total(self, y, logits, weights):
        """Returns the `TokenSum` of rows; `None` if `compile` got no loss."""
        if self._token_loss is None:
            return None
        return self._token_loss(y, logits, weights)

    def _share_of_loss(self, total, tokens, share):
        """Returns the contribution of rows to the loss of their batch.

        Args:
            total: the result of `_total` for these rows.
            tokens: the sum of the token weights of the whole batch. It can be
                `None` if these rows are the whole batch.
            share: the number of these rows, divided by the batch size.
        """
        # `self.losses` has the penalties of the last call of the model, which
        # computed the logits of these rows.
        penalties = [
            tf.reduce_sum(tf.cast(loss, "float32")) for loss in self.losses
        ]
        if total is None and not penalties:
            raise ValueError(
                "There is no loss to minimize. Give `compile` a `loss`, or "
                "call `add_loss` in a layer."
            )
        loss = share * sum(penalties)
        if total is not None:
            tokens = total.tokens if tokens is None else tokens
            # If the sum of token weights is 0, this term and its gradients
            # are 0, not NaN.
            loss += tf.math.divide_no_nan(total.loss, tokens)
        return loss

    def _count(self, x, logits, total):
        """Returns the sum of token weights, the number of rows, and a mask.

        The mask `(B, T)` tells which targets are tokens. It may be `None`. If
        `compile` gets no `loss`, each row counts as one token.
        """
        rows = tf.cast(tf.shape(keras.tree.flatten(x)[0])[0], "float32")
        if total is None:
            return rows, rows, token_weights.mask_of(logits)
        return total.tokens, rows, total.mask

    def _batch_size(self, x, y, weights):
        """Returns [sum of token weights, number of rows] of the whole batch.

        Returns `None` if one replica reads the batch as one micro-batch.
        """
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas * self.gradient_accumulation_steps == 1:
            return None
        # The sum of token weights depends on masks. The model is called only to
        # compute these masks, so a graph drops the operations that compute the
        # logits. In a `StatelessScope`, no layer changes its state.
        with keras.StatelessScope():
            logits = self(x, training=False)
        total = self._total(y, logits, weights)
        tokens, rows, _ = self._count(x, logits, total)
        context = tf.distribute.get_replica_context()
        return context.all_reduce(
            tf.distribute.ReduceOp.SUM, tf.stack([tokens, rows])
        )

    def _loss_and_gradients(self, x, y, weights, batch_size):
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            total = self._total(y, logits, weights)
            tokens, rows, mask = self._count(x, logits, total)
            share = 1.0
            if batch_size is not None:
                tokens, share = batch_size[0], rows / batch_size[1]
            if self._has_own_loss():
                loss = self._loss_of_batch(x, y, logits, weights, training=True)
            else:
                loss = self._share_of_loss(total, tokens, share)
            if self.consistency is not None:
                between = self._loss_of_second_pass(
                    self.consistency, x, y, weights, logits, total.weights
                )
                loss += tf.math.divide_no_nan(between, tokens)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self.trainable_variables)
        # The metric `loss` is a weighted mean. A micro-batch reports the value
        # loss / share with the weight share * tokens. The shares of a batch add
        # up to 1. So the mean over the micro-batches of one batch is the sum of
        # their losses, and this sum is the loss of the batch.
        report = tf.math.divide_no_nan(loss, share), share * tokens
        return report, logits, mask, gradients

    def _loss_of_second_pass(
        self, consistency, x, y, weights, logits, token_weights_BT
    ):
        """Returns what the second pass adds to the loss, summed over tokens.

        In the second pass, the model or its teacher computes the logits again,
        see `ConsistencyLoss`. The caller divides the result by the sum of the
        token weights.
        """
        step = self.optimizer.iterations.value
        share = consistency.share(step)

        def run_second_pass():
            others = consistency.second_pass(self, x, step)
            divergence = consistency.divergence(logits, others)
            # The logits of a teacher may have no mask, so the weights are those
            # of the first pass.
            total = consistency.weight * tf.reduce_sum(
                divergence * token_weights_BT
            )
            if consistency.repeats_loss:
                total += self._total(y, others, weights).loss
            return share * total

        if isinstance(share, float):
            return run_second_pass()
        return tf.cond(share > 0, run_second_pass, lambda: 0.0)

    def _logits_and_loss(self, x, y, weights):
        logits = self(x, training=False)
        total = self._total(y, logits, weights)
        tokens, rows, mask = self._count(x, logits, total)
        if total is None or self._has_own_loss():
            loss = self._loss_of_batch(x, y, logits, weights, training=False)
            return (loss, rows), logits, mask
        weights = total.weights
        # The label of a token without weight may be an invalid id.
        labels = tf.where(weights != 0, y, tf.zeros_like(y))
        loss = tf.reduce_sum(losses.cross_entropy(labels, logits) * weights)
        return (tf.math.divide_no_nan(loss, tokens), tokens), logits, mask

    def _loss_of_batch(self, x, y, logits, weights, training):
        # As in Keras, an override of `compute_loss` may lack the argument
        # `training`.
        parameters = inspect.signature(self.compute_loss).parameters
        settings = {"training": training} if "training" in parameters else {}
        return self.compute_loss(x, y, logits, weights, **settings)

    def _has_own_loss(self):
        return type(self).compute_loss is not ReplicaSteps.compute_loss

    def _update_metrics(self, report, batch, logits, mask):
        x, y, weights = batch
        loss, count = report
        # The first metric is Keras's `loss`. It is not looked up by its name,
        # because a layer may have another metric with the name `loss`.
        super().metrics[0].update_state(loss, sample_weight=count)
        if mask is not None:
            # The mask is attached to the logits again, because XLA drops the
            # mask of the logits, and because Keras's metrics do not know the
            # mask of `ignore_class`.
            logits = token_weights.with_mask(logits, mask)
            weights = token_weights.per_token(weights, y)
            weights *= tf.cast(mask, "float32")
            # The label of a masked token may be an invalid id.
            y = tf.where(mask, y, tf.zeros_like(y))
        logs = self.compute_metrics(x, y, logits, sample_weight=weights)
        if type(self).compute_metrics is not keras.Model.compute_metrics:
            executions.check_logs(self, logs)
