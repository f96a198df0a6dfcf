"""Operations belong to the part of the step that they compute."""

import pytest

from tools.profile_step import parts


# These names of operations are from a real profile.
@pytest.mark.parametrize(
    ("operation", "part"),
    [
        ("while/body/_1/while/adam/mul_3", "Adam"),
        (
            "while/transformer_1/decoder_1/block_2_1/self_attention_residual_1"
            "/self_attention_1/einsum_2/Einsum",
            "attention",
        ),
        (
            "gradient_tape/while/transformer_1/encoder_1/block_1_1"
            "/attention_residual_1/drop_1/mul/Mul",
            "dropout",
        ),
        (
            "gradient_tape/while/transformer_1/encoder_1/block_1_1"
            "/feed_forward_residual_1/norm_1/moments/sub",
            "layer normalization",
        ),
        (
            "while/transformer_1/encoder_1/block_1_1/feed_forward_residual_1"
            "/feed_forward_1/expand_1/BiasAdd",
            "feed-forward networks",
        ),
        (
            "while/transformer_1/embedding_1/GatherV2",
            "embeddings and positions",
        ),
        ("while/transformer_1/MatMul", "logits"),
        ("CpuExecutable::ExecuteAsyncOnStream", "compiled by XLA"),
        ("while/Less", "sums of gradients, counters and other operations"),
    ],
)
def test_parts(operation, part):
    assert parts.part_of(operation) == part


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("MatMul", True),
        ("_MklMatMul", True),
        ("_MklFusedMatMul", True),
        ("_FusedMatMul", True),
        ("_MklBatchMatMulV2", True),
        ("_MklEinsum", True),
        ("Einsum", True),
        ("Mul", False),
        ("_MklSoftmax", False),
    ],
)
def test_products(kind, expected):
    assert parts.is_product(kind) is expected


def test_operations_of_a_part_are_added():
    operations = [
        {"type": "Mul", "operation": "a/norm_1/mul", "ms": 6.0},
        {"type": "Sum", "operation": "b/norm_2/sum", "ms": 9.0},
        {"type": "MatMul", "operation": "transformer/MatMul", "ms": 21.0},
        {"type": "Cast", "operation": "transformer/Cast", "ms": 3.0},
    ]
    sums = parts.sum_parts(operations, 3)
    assert list(sums) == ["logits", "layer normalization"]
    assert sums["logits"] == {"products_ms": 7.0, "others_ms": 1.0}
    assert sums["layer normalization"] == {"products_ms": 0, "others_ms": 5.0}
