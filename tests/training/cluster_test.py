"""TF_CONFIG is read, or refused with a message that shows one."""

import json

import tensorflow as tf
from absl.testing import parameterized

from keras_transformer.training import cluster

WORKERS = ["127.0.0.1:7001", "host:7002", "[::1]:7003"]


def config(jobs=None, job="worker", index=0):
    jobs = {"worker": WORKERS} if jobs is None else jobs
    return json.dumps({"cluster": jobs, "task": {"type": job, "index": index}})


class ReadClusterTest(parameterized.TestCase):
    @parameterized.parameters(0, 1, 2)
    def test_workers(self, index):
        found = cluster.read_cluster(config(index=index))
        self.assertEqual(found.workers, tuple(WORKERS))
        self.assertEqual(found.task_index, index)

    @parameterized.parameters(
        ("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)
    )
    def test_chief_is_the_first(self, job, index, place):
        jobs = {"worker": WORKERS[1:], "chief": WORKERS[:1]}
        found = cluster.read_cluster(config(jobs, job, index))
        self.assertEqual(found.workers, tuple(WORKERS))
        self.assertEqual(found.task_index, place)

    @parameterized.named_parameters(
        ("not_set", None, "JSONDecodeError"),
        ("empty", "", "JSONDecodeError"),
        ("not_json", "{cluster: 3}", "JSONDecodeError"),
        ("not_a_dict", "[1]", "TypeError"),
        ("no_cluster", '{"task": {}}', "KeyError: 'cluster'"),
        ("no_task", '{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        ("cluster_is_a_list", '{"cluster": ["a:1"]}', "AttributeError"),
        ("no_index", '{"cluster": {}, "task": {"type": "worker"}}', "'index'"),
        ("other_jobs", config({"ps": ["a:1"]}, "ps"), "other than.*'ps'"),
        ("other_job", config(job="chief"), "no job 'chief'"),
        ("index_too_large", config(index=3), "no task 3 among the 3"),
        ("index_negative", config(index=-1), "no task -1"),
        ("index_a_word", config(index="0"), "no task '0'"),
        ("no_port", config({"worker": ["a", "b:1"]}), "'a' is not HOST:PORT"),
        ("no_number", config({"worker": ["a:b"]}), "'a:b' is not"),
        ("twice", config({"worker": ["a:1", "a:1"]}), "occurs twice"),
        ("two_chiefs", config({"chief": ["a:1", "b:1"]}, "chief"), "more than"),
    )
    def test_refuses(self, text, why):
        with self.assertRaisesRegex(ValueError, why) as caught:
            cluster.read_cluster(text)
        message = str(caught.exception)
        self.assertIn(f"Received: {text!r}", message)
        self.assertIn('"task": {"type": "worker", "index": 0}', message)


class OneProcessTest(tf.test.TestCase):
    # Several are in tests/training/multi_worker_test.py.
    def test_is_its_own_chief(self):
        self.assertTrue(cluster.is_chief(tf.distribute.get_strategy()))

    def test_agrees_with_itself(self):
        cluster.check_agreement(tf.distribute.get_strategy(), {"all": 0.5})

    def test_makes_what_it_needs(self):
        strategy = tf.distribute.get_strategy()
        made = cluster.from_chief(strategy, lambda: b"learned")
        self.assertEqual(made, b"learned")

        def fail():
            raise ValueError("too small")

        with self.assertRaisesRegex(ValueError, "too small"):
            cluster.from_chief(strategy, fail)

    def test_its_own_errors_are_its_own(self):
        error = tf.errors.UnavailableError(
            None, None, "Collective ops is aborted by: a heartbeat"
        )
        with self.assertRaises(tf.errors.UnavailableError):
            with cluster.lost_workers(tf.distribute.get_strategy()):
                raise error


if __name__ == "__main__":
    tf.test.main()
