"""Two devices in each process that runs tests, and the strategy on both.

TensorFlow must be told of them before it computes anything. What names no
device runs on the first one.
"""

import tensorflow as tf

DEVICES = ("CPU:0", "CPU:1")


def split():
    """Makes two devices of this machine's CPU."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration() for _ in DEVICES],
    )


def two_replicas():
    """A strategy of a replica on each device.

    A process makes one: TensorFlow takes what a second one reduces for what the
    first one does.
    """
    return tf.distribute.MirroredStrategy(DEVICES)
