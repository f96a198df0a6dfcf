"""Two devices in each process that runs tests, and the strategy on both.

The devices must be set before TensorFlow computes anything. An operation
without a named device runs on the first one.
"""

import tensorflow as tf

DEVICES = ("CPU:0", "CPU:1")


def split():
    """Splits this machine's CPU into two logical devices."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration() for _ in DEVICES],
    )


def two_replicas():
    """Returns a new strategy with one replica on each device.

    A process may make only one such strategy: TensorFlow would confuse the
    reductions of two.
    """
    return tf.distribute.MirroredStrategy(DEVICES)
