"""How stages run tasks that don't depend on one another: in this process, or on a Dask cluster."""

import contextlib
from collections.abc import Callable, Iterator

from nst_keras.errors import InputError
from pipelines.engine.stage import Map, map_here


@contextlib.contextmanager
def open_map(runner: str, scheduler: str, say: Callable[[str], None] = lambda text: None) -> Iterator[Map]:
    """Yields what `Context.map` is to be: Dask's if that is the runner or there is a scheduler's address."""
    if runner == "local" and not scheduler:
        yield map_here
        return
    try:
        from pipelines.engine.execution.dask_map import dask_map
    except ImportError as error:
        raise InputError(f"runner: Dask is missing ({error}); pip install 'nst_keras[cluster]'") from error
    with dask_map(scheduler, say) as mapping:
        yield mapping
