"""Times training steps of two models in PyTorch, for the benchmark.

The models are `torch.nn.Transformer`, and `MarianMTModel` of the package
transformers. Unlike the model of `keras_transformer`, `torch.nn.Transformer`
also applies dropout to attention scores and inside of the feed-forward
networks, and has a norm at the end of each stack.
"""

import math
import time
from collections.abc import Callable

import torch
from torch.nn import functional

from tools.benchmark_step import jobs

_DROPOUT = 0.1


class PlainTransformer(torch.nn.Module):
    """`torch.nn.Transformer`, with embeddings, positions and logits.

    Source embeddings, target embeddings and logits share one matrix.

    Args:
        job: the `Job` with the sizes of the model.
    """

    def __init__(self, job: jobs.Job) -> None:
        super().__init__()
        self._scale = math.sqrt(job.model_dim)
        self.embeddings = torch.nn.Embedding(job.vocabulary_size, job.model_dim)
        torch.nn.init.normal_(self.embeddings.weight, std=1 / self._scale)
        self.dropout = torch.nn.Dropout(_DROPOUT)
        self.transformer = torch.nn.Transformer(
            job.model_dim,
            job.num_heads,
            job.layers,
            job.layers,
            job.feed_forward_dim,
            _DROPOUT,
            batch_first=True,
        )
        angles = torch.arange(job.length)[:, None] / 10000 ** torch.linspace(
            0, 1, job.model_dim // 2
        )
        positions = torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
        self.register_buffer("positions", positions)
        mask = torch.nn.Transformer.generate_square_subsequent_mask(job.length)
        self.register_buffer("causal_mask", mask)

    def forward(
        self, sources: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """Returns the logits `(B, T, V)`.

        Args:
            sources: source ids `(B, S)`.
            targets: ids `(B, T)` that the decoder reads. S and T must be
                `job.length`, for which the positions are computed.
        """
        outputs = self.transformer(
            self._embed(sources),
            self._embed(targets),
            tgt_mask=self.causal_mask,
            tgt_is_causal=True,
        )
        return functional.linear(outputs, self.embeddings.weight)

    def _embed(self, ids):
        return self.dropout(self._scale * self.embeddings(ids) + self.positions)


def make_training(job: jobs.Job) -> tuple[Callable[[], list], dict]:
    """Makes a model and a function that trains it, see `ours.make_training`.

    All batches are the same random ids. `job.corpus` is not used.

    Args:
        job: a `Job`, whose `engine` is `jobs.TORCH` or `jobs.MARIAN`.
    """
    torch.set_num_threads(job.threads)
    make_model = {jobs.TORCH: _plain, jobs.MARIAN: _marian}[job.engine]
    model, logits_of, version = make_model(job)
    model.train()
    optimizer = torch.optim.Adam(
        model.parameters(), 1e-4, betas=(0.9, 0.98), eps=1e-9
    )
    ids = torch.from_numpy(job.draw_ids()).long()

    def step():
        with torch.autocast(
            "cpu", torch.bfloat16, enabled=job.precision != "float32"
        ):
            logits = logits_of(ids, ids)
        loss = functional.cross_entropy(
            logits.float().flatten(0, 1), ids.flatten(), label_smoothing=0.1
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def train():
        step()  # As in `keras_fit.fit_seconds`, the first step is not timed.
        start = time.perf_counter()
        for _ in range(job.steps):
            step()
        return [time.perf_counter() - start, job.steps * ids.numel()]

    for _ in range(jobs.WARM_UP_STEPS):
        step()
    parameters = sum(weights.numel() for weights in model.parameters())
    return train, {"version": version, "parameters": parameters}


def _plain(job):
    """Returns a model, a function for its logits, and PyTorch's version."""
    model = PlainTransformer(job)
    return model, model, torch.__version__


def _marian(job):
    """Returns a model, a function for its logits, and transformers' version."""
    import transformers

    model = transformers.MarianMTModel(
        transformers.MarianConfig(
            vocab_size=job.vocabulary_size,
            d_model=job.model_dim,
            encoder_layers=job.layers,
            decoder_layers=job.layers,
            encoder_attention_heads=job.num_heads,
            decoder_attention_heads=job.num_heads,
            encoder_ffn_dim=job.feed_forward_dim,
            decoder_ffn_dim=job.feed_forward_dim,
            max_position_embeddings=job.length,
            activation_function="relu",
            dropout=_DROPOUT,
            scale_embedding=True,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
            forced_eos_token_id=None,
        )
    )

    def logits_of(sources, targets):
        return model(input_ids=sources, decoder_input_ids=targets).logits

    return model, logits_of, transformers.__version__
