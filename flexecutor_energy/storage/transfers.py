"""Many objects at once, in threads: the transfers themselves run outside Python's lock."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from flexecutor_energy.storage.location import ObjectRef
from flexecutor_energy.storage.store import ObjectStore

Item = TypeVar("Item")
Result = TypeVar("Result")

# Eight hide the latency of small objects; more bought nothing on a server on the same host.
DEFAULT_CONCURRENCY = 8


def download_all(
    store: ObjectStore,
    wanted: Iterable[tuple[str, str, tuple[int, int] | None, Path | str]],
    concurrency: int = DEFAULT_CONCURRENCY,
) -> int:
    """Download objects, or ranges of them, into files.

    Parameters
    ----------
    store : where they are
    wanted : ``(bucket, key, byte range or None, path)`` each; the range is ``(start, end)``
        without ``end``
    concurrency : transfers under way at once, at least 1

    Returns
    -------
    int
        Bytes downloaded.

    Raises
    ------
    StorageError
        The first failure; transfers not yet begun are dropped.
    """
    return sum(
        _all(lambda one: store.download(one[0], one[1], one[3], one[2]), list(wanted), concurrency)
    )


def upload_all(
    store: ObjectStore,
    wanted: Iterable[tuple[Path | str, str, str]],
    concurrency: int = DEFAULT_CONCURRENCY,
) -> list[ObjectRef]:
    """Upload files, each ``(path, bucket, key)``, and return the objects in the same order.

    Raises
    ------
    StorageError
        The first failure; transfers not yet begun are dropped.
    """
    return _all(lambda one: store.upload(*one), list(wanted), concurrency)


def _all(
    transfer: Callable[[Item], Result], items: Sequence[Item], concurrency: int
) -> list[Result]:
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, not {concurrency}")
    if len(items) < 2 or concurrency == 1:
        return [transfer(item) for item in items]
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(min(concurrency, len(items)), "transfer") as pool:
        futures = [pool.submit(transfer, item) for item in items]
        finished, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        if waiting:
            pool.shutdown(wait=True, cancel_futures=True)
        for future in finished:
            future.result()
        return [future.result() for future in futures]
