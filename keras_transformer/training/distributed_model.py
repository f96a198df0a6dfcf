"""The train step: one update is the same however many replicas share it.

Keras averages a loss over each replica and then over the replicas, which
weights a token by the company it is in. Here the loss is the sum over all
target tokens of all replicas divided by their number, so that N replicas
make the update one replica would make.

B batch   T target length   V vocabulary_size
"""

import contextlib
import gc

import keras
import tensorflow as tf

from keras_transformer.training import accumulation, losses, updates


class DistributedModel(keras.Model):
    """A `keras.Model` whose `fit` and `evaluate` count tokens globally.

    Batches are `(inputs, labels, weights)`, the model's outputs logits
    `(B, T, V)`, labels integers `(B, T)`, weights `(B, T)` with 0 for padding.
    The compiled loss is used for training; `evaluate` reports as `loss` the
    cross-entropy of each token in nats, without label smoothing, whatever
    was trained on. `steps_per_execution`, `jit_compile`,
    `gradient_accumulation_steps`, and the optimizer's clipping, moving average
    and loss scale give, under every strategy, what they give on one device;
    `jit_compile` is off unless asked for, since a new batch shape means a new
    compilation.
    """

    def compile(
        self,
        *args,
        jit_compile=False,
        gradient_accumulation_steps=1,
        **kwargs,
    ):
        """Configures the model as `keras.Model.compile` does.

        Args:
            *args: as in Keras.
            jit_compile: whether XLA compiles what is computed on a replica.
            gradient_accumulation_steps: in how many parts, one after another,
                a replica reads its share of a batch. The update is that of
                the whole batch; only the memory is that of a part.
            **kwargs: as in Keras.

        Raises:
            ValueError: `gradient_accumulation_steps` is not positive, or the
                optimizer has its own.
        """
        accumulation.check_parts(gradient_accumulation_steps)
        super().compile(*args, jit_compile=jit_compile, **kwargs)
        updates.check_optimizer(self.optimizer)
        self.gradient_accumulation_steps = gradient_accumulation_steps
        # Loss and metrics are built here on one token: under a strategy Keras
        # would build them by calling the model on the mean of the replicas'
        # batches, where ids are no integers any more.
        y, logits, weights = tf.zeros([1, 1], "int32"), tf.zeros([1, 1, 2]), 1.0
        self.compute_loss(y=y, y_pred=logits, sample_weight=weights)
        self.compute_metrics(None, y, logits, sample_weight=[[weights]])
        self.reset_metrics()

    def get_compile_config(self):
        """What `compile` was given, for a file of the model."""
        config = super().get_compile_config()
        if self.compiled:
            config["gradient_accumulation_steps"] = (
                self.gradient_accumulation_steps
            )
        return config

    def compile_from_config(self, config):
        """Compiles a loaded model as it was when it was saved."""
        # Keras does so only where `compile` is its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, batch_size=None, *args, **kwargs):
        """Trains as `keras.Model.fit` does.

        Raises:
            ValueError: also where a batch's number of rows is known and does
                not divide by replicas x `gradient_accumulation_steps`.
        """
        accumulation.check_rows(
            _rows_of(x, batch_size),
            self.distribute_strategy.num_replicas_in_sync,
            self.gradient_accumulation_steps,
        )
        return super().fit(x, y, batch_size, *args, **kwargs)

    def train_step(self, data):
        """Updates the weights from one replica's share of a batch."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        weights = _token_weights(y, weights)
        global_tokens = _sum_over_replicas(tf.reduce_sum(weights))
        compute = self._compiled(self._loss_and_gradients)

        def gradients_of(part):
            loss_sum, logits, gradients = compute(*part, global_tokens)
            x, y, weights = part
            self._update_metrics(loss_sum, x, y, logits, weights)
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
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        weights = _token_weights(y, weights)
        logits, loss_sum = self._compiled(self._logits_and_loss)(x, y, weights)
        self._update_metrics(loss_sum, x, y, logits, weights)

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls with its iterator."""
        if self.built and not self.optimizer.built:
            # Not within the graph, which would then ask in each call whether
            # the variables are there, and fail over data on several replicas.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
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

    def make_predict_function(self, force=False):
        """Makes the function that `predict` calls with its batches."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            predict = self.predict_function

            def predict_batches(batches):
                with _without_collection():
                    return predict(batches)

            self.predict_function = predict_batches
        return self.predict_function

    def _over_iterator(self, step, steps_per_execution):
        # Each shape is a program of its own on a TPU, and none is dynamic.
        static = tf.distribute.RunOptions(
            experimental_enable_dynamic_batch_size=False
        )

        def run_on_replicas(batch):
            self.distribute_strategy.run(step, args=(batch,), options=static)

        def run_one(batch):
            run_on_replicas(batch)
            return self.get_metrics_result()

        def run_steps(iterator):
            has_any = False
            for _ in tf.range(steps_per_execution):
                # To read past the end would count as a step of the optimizer,
                # and fail on several workers.
                batch = iterator.get_next_as_optional()
                has_any = tf.logical_or(has_any, batch.has_value())
                if batch.has_value():
                    run_on_replicas(batch.get_value())
            return has_any, self.get_metrics_result()

        if not self.run_eagerly:
            # A new batch shape, which only lengths and the last batch bring,
            # should not trace the step again.
            run_one = tf.function(run_one, reduce_retracing=True)
            run_steps = tf.function(run_steps, reduce_retracing=True)

        def run(iterator):
            if not isinstance(
                iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)
            ):
                return run_one(next(iterator))  # That of `train_on_batch`.
            with _without_collection():
                has_any, logs = run_steps(iterator)
            if not has_any:
                raise StopIteration
            return logs

        return run

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras would draw a batch and take the mean of the replicas' ids, which
        # fails on several workers. `compile` has built all there is to build.
        del iterator, data_batch

    def _compiled(self, function):
        """As `jit_compile` wants it; a TPU compiles the whole step anyway."""
        strategy = self.distribute_strategy
        is_on_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
        if self.jit_compile and not self.run_eagerly and not is_on_tpu:
            return tf.function(function, jit_compile=True)
        return function

    def _logits_and_loss(self, x, y, weights):
        logits = self(x, training=False)
        token_losses = losses.cross_entropy(y, logits)
        return logits, tf.reduce_sum(token_losses * weights)

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


@contextlib.contextmanager
def _without_collection():
    """A context without Python's garbage collection.

    A step is traced in a thread for each replica. Where that thread happens to
    collect the iterator of an earlier epoch, TensorFlow waits for minutes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _rows_of(x, batch_size):
    """Rows of a global batch, `None` if that is not known."""
    if isinstance(x, tf.data.Dataset):
        return tf.nest.flatten(x.element_spec)[0].shape[0]
    return batch_size


def _token_weights(y, weights):
    if weights is None:
        return tf.ones(tf.shape(y), "float32")
    return tf.cast(weights, "float32")


def _sum_over_replicas(value):
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
