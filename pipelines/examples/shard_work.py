"""Work that is done shard by shard, here or on a cluster."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pipelines.engine.stage import Context, Stopped

T = TypeVar("T")


def run_shards(context: Context, function: Callable[[T], Any], tasks: Sequence[T], what: str) -> list[Any]:
    """Runs a task for each shard and shows how far it is.

    Args:
        context: Of the stage.
        function: Top-level; may run twice for a task.
        tasks: Picklable.
        what: What is being done, for the user.

    Returns:
        What the function returned, in the tasks' order.

    Raises:
        Stopped: If the stage was asked to stop.
    """
    done = []
    for result in context.map(function, tasks):
        done.append(result)
        context.show(f"{what}: shard {len(done)}/{len(tasks)}")
        if len(done) < len(tasks) and context.should_stop():
            raise Stopped
    return done


def shard_sizes(count: int, shards: int) -> tuple[int, ...]:
    """How many of `count` examples each of some shards gets: as many as the others, or one less."""
    return tuple(count // shards + (number < count % shards) for number in range(shards))
