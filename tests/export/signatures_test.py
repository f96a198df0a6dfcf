"""There is a function for each chosen name, with the inputs of the contract."""

from keras_transformer import translation
from keras_transformer.export import contract, signatures
from keras_transformer.translation import defects, isotonic


class NoTranslator:
    """A stand-in: no method is called before a function is traced."""


def test_the_functions_of_names():
    names = contract.chosen(["score"])
    assert tuple(signatures.functions_of(NoTranslator(), names)) == names
    assert names == ("serving_default", "score")


def test_inputs_are_those_of_the_contract():
    curve = isotonic.Curve((0.0,), (0.5,))
    calibration = translation.Calibration(
        curve, curve, defects.LengthModel(1.0, 1.0)
    )
    names = contract.chosen(None, is_calibrated=True)
    functions = signatures.functions_of(NoTranslator(), names, calibration)
    assert set(functions) == set(contract.SIGNATURES)
    for name, function in functions.items():
        inputs = {spec.name: spec for spec in function.input_signature}
        assert set(inputs) == set(contract.SIGNATURES[name].inputs)
        assert all(spec.shape.as_list() == [None] for spec in inputs.values())
