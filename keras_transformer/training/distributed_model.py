"""The train step: one update is the same however many replicas share it.

Keras averages a loss over each replica and then over the replicas, which
weights a token by the company it is in. Here the loss is the sum over all
target tokens of all replicas divided by their number, so that N replicas
make the update one replica would make.

B batch   T target length   V vocabulary_size
"""

import keras
import tensorflow as tf

from keras_transformer.training import losses


class DistributedModel(keras.Model):
    """A `keras.Model` whose `fit` and `evaluate` count tokens globally.

    Batches are `(inputs, labels, weights)`, the model's outputs logits
    `(B, T, V)`, labels integers `(B, T)`, weights `(B, T)` with 0 for padding.
    The compiled loss is used for training; `evaluate` reports as `loss` the
    cross-entropy of each token in nats, without label smoothing, whatever
    was trained on. `steps_per_execution` and `jit_compile` work under every
    strategy; `jit_compile` is off unless asked for, since a new batch shape
    means a new compilation.
    """

    def compile(self, *args, jit_compile=False, **kwargs):
        super().compile(*args, jit_compile=jit_compile, **kwargs)
        # Loss and metrics are built here on one token: under a strategy Keras
        # would build them by calling the model on the mean of the replicas'
        # batches, where ids are no integers any more.
        y, logits, weights = tf.zeros([1, 1], "int32"), tf.zeros([1, 1, 2]), 1.0
        self.compute_loss(y=y, y_pred=logits, sample_weight=weights)
        self.compute_metrics(None, y, logits, sample_weight=[[weights]])
        self.reset_metrics()

    def compile_from_config(self, config):
        """Compiles a loaded model as it was when it was saved."""
        # Keras does so only where `compile` is its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def train_step(self, data):
        """Updates the weights from one replica's share of a batch."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        weights = _token_weights(y, weights)
        global_tokens = _sum_over_replicas(tf.reduce_sum(weights))
        compute = self._loss_and_gradients
        if self.jit_compile and not self.run_eagerly:
            compute = tf.function(compute, jit_compile=True)
        loss_sum, logits, gradients = compute(x, y, weights, global_tokens)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_variables, strict=True)
        )
        self._update_metrics(loss_sum, x, y, logits, weights)

    def test_step(self, data):
        """Adds one replica's share of a batch to the metrics."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        weights = _token_weights(y, weights)
        logits = self(x, training=False)
        token_losses = losses.cross_entropy(y, logits)
        loss_sum = tf.reduce_sum(token_losses * weights)
        self._update_metrics(loss_sum, x, y, logits, weights)

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls with its iterator."""
        if self.train_function is None or force:
            self.train_function = self._over_iterator(
                self.train_step, self.steps_per_execution
            )
        return self.train_function

    def make_test_function(self, force=False):
        """Makes the function that `evaluate` calls with its iterator."""
        if self.test_function is None or force:
            run_step = self._over_iterator(self.test_step, 1)

            # One by one, since the data may end within an execution.
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

    def _over_iterator(self, step, steps_per_execution):
        def run_one(batch):
            self.distribute_strategy.run(step, args=(batch,))
            return self.get_metrics_result()

        def run_steps(iterator):
            for _ in tf.range(steps_per_execution):
                self.distribute_strategy.run(step, args=(next(iterator),))
            return self.get_metrics_result()

        if not self.run_eagerly:
            # A new batch shape, which only lengths and the last batch bring,
            # should not trace the step again.
            run_one = tf.function(run_one, reduce_retracing=True)
            run_steps = tf.function(run_steps, reduce_retracing=True)

        def run(iterator):
            if isinstance(
                iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)
            ):
                return run_steps(iterator)
            return run_one(next(iterator))  # That of `train_on_batch`.

        return run

    def _loss_and_gradients(self, x, y, weights, global_tokens):
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            token_losses = _per_token(self.loss)(y, logits)
            loss_sum = tf.reduce_sum(token_losses * weights)
            # A batch without any token leaves the weights as they are.
            loss = loss_sum / tf.maximum(global_tokens, 1.0)
            scaled_loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self.trainable_variables)
        return loss_sum, logits, gradients

    def _update_metrics(self, loss_sum, x, y, logits, weights):
        tokens = tf.reduce_sum(weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(
                    tf.math.divide_no_nan(loss_sum, tokens),
                    sample_weight=tokens,
                )
        self.compute_metrics(x, y, logits, sample_weight=weights)


def _per_token(loss):
    """The compiled loss before any reduction, `(y, logits) -> (B, T)`."""
    loss = keras.losses.get(loss)
    return loss.call if isinstance(loss, keras.losses.Loss) else loss


def _token_weights(y, weights):
    if weights is None:
        return tf.ones(tf.shape(y), "float32")
    return tf.cast(weights, "float32")


def _sum_over_replicas(value):
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
