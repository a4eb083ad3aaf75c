"""A powercap folder whose counters rise while somebody looks, as on a machine that has them."""

import threading
import time
from pathlib import Path

RANGE_UJ = 262_143_328_850


class RisingPowercap:
    """Zones that draw constant power; use it as a context manager.

    Parameters
    ----------
    root : where to put the folder
    watts : power of each zone by the name that its kernel gives it, such as ``package-0``
    starts_uj : what the counters say at first
    """

    def __init__(self, root: Path, watts: dict[str, float], *, starts_uj: int = 1_000_000) -> None:
        self.root = root
        self._watts = watts
        self._starts_uj = starts_uj
        self._folders = {name: root / f"intel-rapl:{at}" for at, name in enumerate(watts)}
        self._began_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self.hidden = False

    def __enter__(self) -> "RisingPowercap":
        for name, folder in self._folders.items():
            folder.mkdir(parents=True)
            (folder / "name").write_text(f"{name}\n")
            (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
        self._began_s = time.monotonic()
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def hide(self) -> None:
        """Let the counters vanish, as a module that is unloaded does."""
        self.hidden = True

    def show(self) -> None:
        """Bring the counters back."""
        self.hidden = False

    def _tick(self) -> None:
        while not self._stop.wait(0.005):
            self._write()

    def _write(self) -> None:
        seconds = time.monotonic() - self._began_s
        for name, folder in self._folders.items():
            target = folder / "energy_uj"
            if self.hidden:
                target.unlink(missing_ok=True)
                continue
            count = (self._starts_uj + round(self._watts[name] * seconds * 1e6)) % RANGE_UJ
            part = folder / "energy_uj.part"
            part.write_text(f"{count}\n")
            part.replace(target)  # a reader sees the old value or the new one
