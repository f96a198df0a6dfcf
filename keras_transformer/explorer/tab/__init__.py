"""A plugin of TensorBoard that shows traces in the tab "Transformer".

A trace is what `kt.interpretation.trace` records of a model and a sentence.

TensorBoard finds the plugin by an entry point in `setup.py`, in the group
`tensorboard_plugins`.
"""
