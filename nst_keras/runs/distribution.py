"""What a training runs on: devices and workers."""

import os

import tensorflow as tf

from nst_keras.errors import InputError


def device() -> str:
    """What computes, in words."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    return f"{gpus} GPUs" if gpus else f"CPU ({os.cpu_count()} cores)"


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Makes the strategy of `--distribute`, before anything else of TensorFlow is used."""
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    try:
        jobs = list(tf.distribute.cluster_resolver.TFConfigClusterResolver().cluster_spec().jobs)
        if jobs != ["worker"]:  # asked before the strategy is made, which waits for the others
            raise InputError(
                "--distribute: TF_CONFIG must name processes of the job 'worker' and no others. "
                f"Received: {', '.join(jobs) or 'no TF_CONFIG'}"
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    except InputError:
        raise
    except (ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"--distribute={name}: TF_CONFIG can't be used: {error}") from error


def worker(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """This worker's number, from 0, and the number of workers; number 0 is the one that writes and shows."""
    resolver = strategy.cluster_resolver
    if resolver is None:
        return 0, 1
    return resolver.task_id or 0, max(1, resolver.cluster_spec().num_tasks("worker"))
