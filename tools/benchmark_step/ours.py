"""The training step of this package, for the benchmark to time."""

from collections.abc import Callable

import keras_transformer as kt
from tools.benchmark_step import jobs
from tools.engines import keras_fit
from tools.model_flags import training_sizes


def make_training(job: jobs.Job) -> tuple[Callable[[], list], dict]:
    """Makes a model and trains it for some steps.

    Args:
        job: the work.

    Returns:
        A function that trains for `job.steps` steps and returns their seconds
        and target tokens, and facts to print.
    """
    keras_fit.use_threads(job.threads)
    # The peers' models have biases everywhere.
    model = training_sizes.compiled_model(
        job, normalization="post", biases="all"
    )
    return keras_fit.make_rounds(
        model, _Batches(job), job.steps, jobs.WARM_UP_STEPS, kt.__version__
    )


class _Batches:
    """Data sets of the steps that come next, and their target tokens."""

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
        """Returns a data set, and the target tokens after its first step."""
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
