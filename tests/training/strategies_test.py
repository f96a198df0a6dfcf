"""A strategy's name gives that strategy or an error that says what to do."""

from unittest import mock

import pytest
import tensorflow as tf

from keras_transformer.training import strategies
from tests.assertions import logged

GPUS = [tf.config.LogicalDevice(f"/device:GPU:{i}", "GPU") for i in range(3)]


class TestStrategy:
    @pytest.fixture(autouse=True)
    def without_a_tpu(self, monkeypatch):
        """Hides the TPU of this machine; tests add TPU devices to `files`."""
        self.patch = monkeypatch
        monkeypatch.delenv("TPU_NAME", raising=False)
        self.files = []
        monkeypatch.setattr(strategies.glob, "glob", lambda _: self.files)

    def pretend_gpus(self, gpus):
        real = tf.config.list_logical_devices

        def pretend(kind=None):
            return gpus if kind == "GPU" else [*real("CPU"), *gpus]

        self.patch.setattr(tf.config, "list_logical_devices", pretend)
        mirrored = mock.create_autospec(tf.distribute.MirroredStrategy)
        self.patch.setattr(tf.distribute, "MirroredStrategy", mirrored)
        return mirrored

    @pytest.mark.parametrize("name", ["none", "auto"])
    def test_one_device(self, name):
        self.pretend_gpus([])
        chosen = strategies.strategy(name)
        assert chosen is tf.distribute.get_strategy()
        assert chosen.num_replicas_in_sync == 1

    def test_auto_takes_one_gpu_as_it_is(self):
        mirrored = self.pretend_gpus(GPUS[:1])
        assert strategies.strategy("auto") is tf.distribute.get_strategy()
        mirrored.assert_not_called()

    def test_auto_takes_several_gpus(self):
        mirrored = self.pretend_gpus(GPUS)
        assert strategies.strategy() is mirrored.return_value
        mirrored.assert_called_once_with(None)

    def test_none_takes_one_device_of_several(self):
        mirrored = self.pretend_gpus(GPUS)
        assert strategies.strategy("none") is tf.distribute.get_strategy()
        mirrored.assert_not_called()

    def test_mirrored_over_chosen_devices(self):
        mirrored = self.pretend_gpus(GPUS)
        strategies.strategy("mirrored", devices=["GPU:0", "/device:GPU:2"])
        mirrored.assert_called_once_with(["GPU:0", "/device:GPU:2"])

    def test_mirrored_on_this_machine(self):
        chosen = strategies.strategy("mirrored", devices=["CPU:0"])
        assert isinstance(chosen, tf.distribute.MirroredStrategy)
        assert chosen.num_replicas_in_sync == 1

    def test_the_choice_is_logged(self):
        with logged(strategies.__name__, "INFO") as logs:
            strategies.strategy("none")
        assert "none: 1 replica" in logs[0]

    @pytest.mark.parametrize("name", ["", "Mirrored", "horovod"])
    def test_unknown_name(self, name):
        with pytest.raises(
            ValueError,
            match=f"Received: '{name}'. Expected.*'auto'.*'mirrored'",
        ):
            strategies.strategy(name)

    def test_missing_device(self):
        self.pretend_gpus(GPUS[:2])
        with pytest.raises(
            ValueError,
            match="Received: GPU:2, GPU:7. Expected.*CPU:0, .*GPU:0, GPU:1",
        ):
            strategies.strategy("mirrored", devices=["GPU:1", "GPU:2", "GPU:7"])

    @pytest.mark.parametrize("name", ["none", "auto", "tpu"])
    def test_devices_are_for_mirrored_only(self, name):
        with pytest.raises(
            ValueError, match=f"Received: '{name}' with devices=.*'mirrored'"
        ):
            strategies.strategy(name, devices=["CPU:0"])

    def test_one_string_is_no_list_of_devices(self):
        with pytest.raises(ValueError, match="`devices` must be.*'CPU:0'"):
            strategies.strategy("mirrored", devices="CPU:0")

    def test_tpu_where_there_is_none(self):
        with pytest.raises(ValueError, match="no TPU on this machine"):
            strategies.strategy("tpu")

    @pytest.mark.parametrize(
        ("name", "tpu"),
        [
            pytest.param("tpu", "grpc://10.0.0.2:8470", id="named"),
            pytest.param("auto", "north", id="auto_named"),
            pytest.param("tpu", "local", id="local"),
        ],
    )
    def test_asks_for_the_tpu_named(self, name, tpu):
        with self.resolver() as resolver, pytest.raises(ConnectionError):
            strategies.strategy(name, tpu=tpu)
        resolver.assert_called_once_with(tpu)

    @pytest.mark.parametrize("name", ["tpu", "auto"])
    def test_finds_the_tpu_of_the_machine(self, name):
        self.files.append("/dev/accel0")
        with self.resolver() as resolver, pytest.raises(ConnectionError):
            strategies.strategy(name)
        resolver.assert_called_once_with("local")

    def test_auto_goes_by_the_environment(self):
        self.patch.setenv("TPU_NAME", "south")
        with self.resolver() as resolver, pytest.raises(ConnectionError):
            strategies.strategy("auto")
        resolver.assert_called_once()

    def resolver(self):
        return mock.patch.object(
            tf.distribute.cluster_resolver,
            "TPUClusterResolver",
            side_effect=ConnectionError,
        )
