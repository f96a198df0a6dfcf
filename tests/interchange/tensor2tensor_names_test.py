"""The names of arrays in checkpoints of Tensor2Tensor."""

import pytest

from keras_transformer.interchange import tensor2tensor_names as names


def test_arrays_of_the_model_and_of_the_optimizer():
    shapes = {
        "transformer/body/encoder/layer_0/ffn/conv1/kernel": (3, 5),
        "transformer/body/encoder/layer_0/ffn/conv1/kernel/Adam": (3, 5),
        "training/transformer/body/encoder/layer_0/ffn/conv1/bias": (5,),
        "transformer/body/target_space_embedding/kernel": (32, 3),
        "global_step": (),
    }
    found = names.of_model(shapes, "model")
    assert set(found) == {"encoder/layer_0/ffn/conv1/kernel", names.SPACE}
    short = {name: shapes[full] for name, full in found.items()}
    assert names.sizes(short, "model") == (3, 5)
    assert names.count_layers(short, "encoder") == 1
    assert not names.has_final_norm(short)


def test_two_models_are_refused():
    shapes = {"a/body/encoder/x": (), "b/body/encoder/x": ()}
    with pytest.raises(ValueError, match="model has two models"):
        names.of_model(shapes, "model")
