"""The train step: what a replica computes of its share of a batch.

A replica's share is read in one part or in several, one after another. Loss
and gradients of each are sums over its tokens, divided by the number of those
of the whole batch, so that the sums of all parts and replicas are those of the
batch.

B batch   T target length   V vocabulary_size
"""

import inspect

import keras
import tensorflow as tf

from keras_transformer.training import (
    accumulation,
    executions,
    losses,
    token_weights,
    updates,
)


class ReplicaSteps(keras.Model):
    """The steps of a `DistributedModel`; not used by itself.

    That one sets what is read here: `gradient_accumulation_steps`, and the
    `TokenLoss` of what was compiled, or `None`.
    """

    def train_step(self, data):
        """Updates the weights from one replica's share of a batch."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        whole = self._size_of_batch(x, y, weights)
        compute = self._compiled(self._loss_and_gradients)

        def gradients_of(part):
            report, logits, mask, gradients = compute(*part, whole)
            self._update_metrics(report, part, logits, mask)
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
        )

    def test_step(self, data):
        """Adds one replica's share of a batch to the metrics."""
        batch = keras.utils.unpack_x_y_sample_weight(data)
        compute = self._compiled(self._logits_and_loss)
        report, logits, mask = compute(*batch)
        self._update_metrics(report, batch, logits, mask)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """The loss of a batch, as in Keras.

        Args:
            x: inputs, which are not used.
            y: labels `(B, T)`.
            y_pred: logits `(B, T, V)`.
            sample_weight: `(B,)`, `(B, 1)`, `(B, T)` or `None`.
            training: not used.

        Returns:
            The weighted mean over tokens plus penalties, float32, a scalar.

        Raises:
            ValueError: other shapes, or there is nothing to descend on.
        """
        del x, training
        total = self._total(y, y_pred, sample_weight)
        return self._share_of_loss(total, None, 1.0)

    def _compiled(self, function):
        """As `jit_compile` wants it; a TPU compiles the whole step anyway."""
        strategy = self.distribute_strategy
        is_on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
        if self.jit_compile and not self.run_eagerly and not is_on_tpu:
            return tf.function(function, jit_compile=True)
        return function

    def _total(self, y, logits, weights):
        """The `TokenSum` of some rows, or `None` if no loss was compiled."""
        if self._token_loss is None:
            return None
        return self._token_loss(y, logits, weights)

    def _share_of_loss(self, total, tokens, share):
        """What some rows add to the loss of their batch.

        Args:
            total: of `_total`.
            tokens: of the whole batch; `None` if there are no others.
            share: of its rows.
        """
        # Those of the call that made the logits.
        penalties = [
            tf.reduce_sum(tf.cast(loss, "float32")) for loss in self.losses
        ]
        if total is None and not penalties:
            raise ValueError(
                "There is no loss to descend on. Give `compile` a `loss`, or "
                "call `add_loss` in a layer."
            )
        loss = share * sum(penalties)
        if total is not None:
            tokens = total.tokens if tokens is None else tokens
            # A batch without any token leaves the weights as they are.
            loss += tf.math.divide_no_nan(total.loss, tokens)
        return loss

    def _count(self, x, logits, total):
        """How many tokens and rows these are, and which tokens are there."""
        rows = tf.cast(tf.shape(keras.tree.flatten(x)[0])[0], "float32")
        if total is None:
            return rows, rows, token_weights.mask_of(logits)
        return total.tokens, rows, total.mask

    def _size_of_batch(self, x, y, weights):
        """[tokens, rows] of a batch that is read in shares, else `None`."""
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas * self.gradient_accumulation_steps == 1:
            return None
        # Masks are known when the model has run. Nothing but them is wanted
        # of this run, so that a graph leaves the rest of it out; nothing that
        # a layer keeps is updated.
        with keras.StatelessScope():
            logits = self(x, training=False)
        total = self._total(y, logits, weights)
        tokens, rows, _ = self._count(x, logits, total)
        context = tf.distribute.get_replica_context()
        return context.all_reduce(
            tf.distribute.ReduceOp.SUM, tf.stack([tokens, rows])
        )

    def _loss_and_gradients(self, x, y, weights, whole):
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            total = self._total(y, logits, weights)
            tokens, rows, mask = self._count(x, logits, total)
            share = 1.0
            if whole is not None:
                tokens, share = whole[0], rows / whole[1]
            if self._has_own_loss():
                loss = self._loss_of_batch(x, y, logits, weights, training=True)
            else:
                loss = self._share_of_loss(total, tokens, share)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self.trainable_variables)
        # Shares add up to the loss of the batch, which counts by its tokens.
        report = tf.math.divide_no_nan(loss, share), share * tokens
        return report, logits, mask, gradients

    def _logits_and_loss(self, x, y, weights):
        logits = self(x, training=False)
        total = self._total(y, logits, weights)
        tokens, rows, mask = self._count(x, logits, total)
        if total is None or self._has_own_loss():
            loss = self._loss_of_batch(x, y, logits, weights, training=False)
            return (loss, rows), logits, mask
        weights = total.weights
        # The label of a token that does not count need not be an id.
        labels = tf.where(weights != 0, y, tf.zeros_like(y))
        loss = tf.reduce_sum(losses.cross_entropy(labels, logits) * weights)
        return (tf.math.divide_no_nan(loss, tokens), tokens), logits, mask

    def _loss_of_batch(self, x, y, logits, weights, training):
        # Overrides of `compute_loss` may be without `training`, as in Keras.
        parameters = inspect.signature(self.compute_loss).parameters
        settings = {"training": training} if "training" in parameters else {}
        return self.compute_loss(x, y, logits, weights, **settings)

    def _has_own_loss(self):
        return type(self).compute_loss is not ReplicaSteps.compute_loss

    def _update_metrics(self, report, batch, logits, mask):
        x, y, weights = batch
        loss, count = report
        # Keras's own, before any that a layer may call by this name.
        super().metrics[0].update_state(loss, sample_weight=count)
        if mask is not None:
            # Compilation has lost it, and Keras knows none of ignored labels.
            logits = token_weights.with_mask(logits, mask)
            weights = token_weights.per_token(weights, y)
            weights *= tf.cast(mask, "float32")
            # The label of a token that does not count need not be an id.
            y = tf.where(mask, y, tf.zeros_like(y))
        logs = self.compute_metrics(x, y, logits, sample_weight=weights)
        if type(self).compute_metrics is not keras.Model.compute_metrics:
            executions.check_logs(self, logs)
