"""The tab of TensorBoard: a plugin that serves traces and the front end.

TensorBoard finds it by the entry point `tensorboard_plugins` of setup.py.
"""
