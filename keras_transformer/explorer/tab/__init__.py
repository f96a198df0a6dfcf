"""A plugin of TensorBoard that shows traces in the tab "Transformer".

A trace is what `kt.interpretation.trace` records of a model and a sentence.

TensorBoard finds the plugin by the entry point `tensorboard_plugins` in
`setup.py`.
"""
