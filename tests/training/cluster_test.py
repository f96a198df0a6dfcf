"""TF_CONFIG is read, or refused with a message that shows a valid one."""

import json
from unittest import mock

import pytest
import tensorflow as tf

from keras_transformer.training import cluster

WORKERS = ["127.0.0.1:7001", "host:7002", "[::1]:7003"]


def config(jobs=None, job="worker", index=0):
    jobs = {"worker": WORKERS} if jobs is None else jobs
    return json.dumps({"cluster": jobs, "task": {"type": job, "index": index}})


class TestReadCluster:
    @pytest.mark.parametrize("index", [0, 1, 2])
    def test_workers(self, index):
        found = cluster.read_cluster(config(index=index))
        assert found.workers == tuple(WORKERS)
        assert found.task_index == index

    @pytest.mark.parametrize(
        ("job", "index", "place"),
        [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)],
    )
    def test_chief_is_the_first(self, job, index, place):
        jobs = {"worker": WORKERS[1:], "chief": WORKERS[:1]}
        found = cluster.read_cluster(config(jobs, job, index))
        assert found.workers == tuple(WORKERS)
        assert found.task_index == place

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            pytest.param(None, "JSONDecodeError", id="not_set"),
            pytest.param("", "JSONDecodeError", id="empty"),
            pytest.param("{cluster: 3}", "JSONDecodeError", id="not_json"),
            pytest.param("[1]", "TypeError", id="not_a_dict"),
            pytest.param(
                '{"task": {}}', "KeyError: 'cluster'", id="no_cluster"
            ),
            pytest.param(
                '{"cluster": {"worker": ["a:1"]}}',
                "KeyError: 'task'",
                id="no_task",
            ),
            pytest.param(
                '{"cluster": ["a:1"]}', "AttributeError", id="cluster_is_a_list"
            ),
            pytest.param(
                '{"cluster": {}, "task": {"type": "worker"}}',
                "'index'",
                id="no_index",
            ),
            pytest.param(
                config({"ps": ["a:1"]}, "ps"),
                "other than.*'ps'",
                id="other_jobs",
            ),
            pytest.param(config(job="chief"), "no job 'chief'", id="other_job"),
            pytest.param(
                config(index=3), "no task 3 among the 3", id="index_too_large"
            ),
            pytest.param(config(index=-1), "no task -1", id="index_negative"),
            pytest.param(config(index="0"), "no task '0'", id="index_a_word"),
            pytest.param(
                config({"worker": ["a", "b:1"]}),
                "'a' is not HOST:PORT",
                id="no_port",
            ),
            pytest.param(
                config({"worker": ["a:b"]}), "'a:b' is not", id="no_number"
            ),
            pytest.param(
                config({"worker": ["a:1", "a:1"]}), "occurs twice", id="twice"
            ),
            pytest.param(
                config({"chief": ["a:1", "b:1"]}, "chief"),
                "more than",
                id="two_chiefs",
            ),
        ],
    )
    def test_refuses(self, text, why):
        with pytest.raises(ValueError, match=why) as caught:
            cluster.read_cluster(text)
        message = str(caught.value)
        assert f"Received: {text!r}" in message
        assert '"task": {"type": "worker", "index": 0}' in message


class TestOneProcess:
    # tests/training/multi_worker_test.py tests several processes.
    def test_is_its_own_chief(self):
        assert cluster.is_chief(tf.distribute.get_strategy())

    def test_agrees_with_itself(self):
        cluster.check_agreement(tf.distribute.get_strategy(), {"all": 0.5})

    def test_makes_what_it_needs(self):
        strategy = tf.distribute.get_strategy()
        made = cluster.from_chief(strategy, lambda: b"learned")
        assert made == b"learned"

        def fail():
            raise ValueError("too small")

        with pytest.raises(ValueError, match="too small"):
            cluster.from_chief(strategy, fail)

    @pytest.mark.parametrize(
        "reason", ["Collective ops is aborted by: a heartbeat", "Socket closed"]
    )
    def test_a_lost_worker_is_named(self, reason):
        strategy = mock.Mock(spec=tf.distribute.MultiWorkerMirroredStrategy)
        error = tf.errors.UnavailableError(None, None, f"A trace. {reason}")
        with pytest.raises(ConnectionError, match=f"worker.*says: {reason}"):
            with cluster.lost_workers(strategy):
                raise error
        error = tf.errors.UnavailableError(None, None, "Something else")
        with pytest.raises(tf.errors.UnavailableError):
            with cluster.lost_workers(strategy):
                raise error

    def test_its_own_errors_are_its_own(self):
        error = tf.errors.UnavailableError(
            None, None, "Collective ops is aborted by: a heartbeat"
        )
        with pytest.raises(tf.errors.UnavailableError):
            with cluster.lost_workers(tf.distribute.get_strategy()):
                raise error
