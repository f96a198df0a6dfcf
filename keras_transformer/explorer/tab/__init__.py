"""The tab "Transformer" of TensorBoard: a plugin that shows traces.

TensorBoard finds the plugin by the entry point `tensorboard_plugins` in
`setup.py`.
"""
