"""The model that is fit: one update is the same on any number of replicas.

Keras averages a loss over each replica and then over the replicas, which
weights a token by the company it is in. Here the loss is the sum over all
target tokens of all replicas divided by their number, so that N replicas
make the update one replica would make.

B batch   T target length   V vocabulary_size
"""

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


class DistributedModel(replica_steps.ReplicaSteps):
    """A `keras.Model` whose `fit` and `evaluate` count tokens globally.

    Batches are `(inputs, labels, weights)`, the model's outputs logits
    `(B, T, V)`, labels integers `(B, T)`, weights `(B,)` or `(B, 1)` of rows
    or `(B, T)` of tokens, 0 for padding. Tokens that are masked, by a Keras
    mask on the logits or by the loss's `ignore_class`, count nowhere.

    `fit` descends on `loss_weights` times the mean of the compiled loss over
    the tokens, by their weights, plus what regularizers and `add_loss` add;
    `evaluate` reports as `loss` the cross-entropy of each token in nats,
    without label smoothing and penalties, whatever was trained on. Penalties
    are means over rows, as Keras's own are: those of a replica's part count
    by its share of the rows.

    `steps_per_execution`, `jit_compile`, `gradient_accumulation_steps`, and
    the optimizer's clipping, moving average and loss scale give, under every
    strategy, what they give on one device; `jit_compile` is off unless asked
    for, since a new batch shape means a new compilation. A subclass may
    override `compute_loss`, but then trains on one replica in one part.
    """

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile=False,
        auto_scale_loss=True,
        *,
        gradient_accumulation_steps=1,
    ):
        """Configures the model as `keras.Model.compile` does.

        Args:
            optimizer: as in Keras.
            loss: as in Keras, with a number for each token. `None` trains on
                what `add_loss` and regularizers add.
            loss_weights: a number.
            metrics: as in Keras: of every position, also of padding, but
                for what is masked.
            weighted_metrics: as in Keras: by the weights of tokens.
            run_eagerly: as in Keras.
            steps_per_execution: as in Keras.
            jit_compile: whether XLA compiles what is computed on a replica.
            auto_scale_loss: as in Keras.
            gradient_accumulation_steps: in how many parts, one after another,
                a replica reads its share of a batch. The update is that of
                the whole batch; only the memory is that of a part.

        Raises:
            ValueError: `gradient_accumulation_steps` is not positive, or the
                optimizer has its own; no optimizer; several losses, or one
                that means no mean over tokens; `loss_weights` without a loss;
                a metric that is called `loss`.
        """
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

    def get_compile_config(self):
        """What `compile` was given, for a file of the model."""
        config = super().get_compile_config()
        if self.compiled:
            config["auto_scale_loss"] = self.auto_scale_loss
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
            ValueError: also for labels and weights of other shapes than the
                class's; `class_weight`; a batch whose number of rows is known
                and does not divide by replicas x
                `gradient_accumulation_steps`.
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

    def evaluate(self, *args, **kwargs):
        """Evaluates as `keras.Model.evaluate` does, checked as in `fit`."""
        arguments.check_call(super().evaluate, args, kwargs)
        self._check_shares(1)
        return super().evaluate(*args, **kwargs)

    def train_on_batch(self, *args, **kwargs):
        """Updates as `keras.Model.train_on_batch`, checked as in `fit`."""
        arguments.check_call(super().train_on_batch, args, kwargs)
        self._check_shares(self.gradient_accumulation_steps)
        return super().train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args, **kwargs):
        """Evaluates as `keras.Model.test_on_batch`, checked as in `fit`."""
        arguments.check_call(super().test_on_batch, args, kwargs)
        self._check_shares(1)
        return super().test_on_batch(*args, **kwargs)

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls with its iterator."""
        if self.built and not self.optimizer.built:
            # Not within the graph, which would then ask in each call whether
            # the variables are there, and fail over data on several replicas.
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
        if self.train_function is None or force:
            self.train_function = executions.over_iterator(
                self, self.train_step, self.steps_per_execution
            )
        return self.train_function

    def make_test_function(self, force=False):
        """Makes the function that `evaluate` calls with its iterator."""
        if self.test_function is None or force:
            run_step = executions.over_iterator(self, self.test_step, 1)

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
                with executions.without_collection():
                    return predict(batches)

            self.predict_function = predict_batches
        return self.predict_function

    def _build_metrics(self):
        # Here, where all that matters of a batch is known: under a strategy
        # Keras would find it by calling the model on the mean of the replicas'
        # batches, where ids are no integers any more.
        labels = keras.KerasTensor([1, 1], "int32")
        logits = keras.KerasTensor([1, 1, 2], "float32")
        for metric in super().metrics:
            if metric.name == "compile_metrics":
                metric.build(labels, logits)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Keras would draw a batch and take the mean of the replicas' ids, which
        # fails on several workers. `compile` has built all there is to build.
        del iterator, data_batch

    def _check_shares(self, parts):
        replicas = self.distribute_strategy.num_replicas_in_sync
        if replicas * parts > 1 and self._has_own_loss():
            raise ValueError(
                "`compute_loss` sees the part of a batch that one replica "
                "reads at a time, and what it returns cannot be made that of "
                f"the whole. Received: {type(self).__name__} with a "
                f"`compute_loss` of its own, {replicas} replica(s) x {parts} "
                "part(s). Train on one replica without "
                "`gradient_accumulation_steps`, or give the loss of each token "
                "to `compile` and the rest by `add_loss`."
            )
