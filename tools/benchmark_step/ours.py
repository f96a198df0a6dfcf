"""Makes the training step of keras_transformer, which the benchmark times."""

from collections.abc import Callable

import keras_transformer as kt
from tools.benchmark_step import jobs
from tools.engines import keras_fit
from tools.model_flags import training_sizes


def make_training(job: jobs.Job) -> tuple[Callable[[], list], dict]:
    """Makes a model and a function that trains it.

    The model is first trained for `WARM_UP_STEPS` steps, which are not timed.

    Args:
        job: the job of this engine.

    Returns:
        A function that trains for a round, and a dict of facts to print. A
        round has `1 + job.steps` steps, and the first is not timed. The
        function returns the seconds and the number of target tokens of the
        timed steps.
    """
    keras_fit.use_threads(job.threads)
    # Our model has post-norm and all biases, because the peers' models have
    # them.
    model = training_sizes.compiled_model(
        job, normalization="post", biases="all"
    )
    return keras_fit.make_rounds(
        model, _Batches(job), job.steps, jobs.WARM_UP_STEPS, kt.__version__
    )


class _Batches:
    """The data sets of the rounds, and their numbers of target tokens."""

    def __init__(self, job):
        self._job = job
        self._step = 0
        self._corpus = None
        self.facts = {}
        if job.corpus is not None:
            corpus = jobs.Corpus(job.corpus)
            pairs = kt.data.read_parallel([corpus.source], [corpus.target])
            encoded = kt.data.encode_pairs(
                pairs, kt.Tokenizer.from_file(corpus.vocabulary), job.max_length
            )
            self._corpus = kt.data.TokenBatches(
                encoded,
                tokens_per_batch=job.batch_size * job.length,
                max_length=job.max_length,
                packed=True,
            )
            self.facts = {
                "corpus_target_tokens": self._corpus.count_target_tokens(
                    self._corpus.steps_per_epoch
                ),
                "batches": "several pairs in each row",
            }

    def next(self, steps):
        """Returns a round's data set, and the number of timed target tokens.

        The round has `1 + steps` steps. The first step is not timed, so its
        tokens are not counted.
        """
        if self._corpus is None:
            job = self._job
            dataset = training_sizes.endless_batches(
                job.batch_size, job.length, job.vocabulary_size
            )
            return dataset, steps * job.batch_size * job.length
        count = self._corpus.count_target_tokens
        first, self._step = self._step, self._step + 1 + steps
        tokens = count(self._step) - count(first + 1)
        return self._corpus.training_dataset(first), tokens
