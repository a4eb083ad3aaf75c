"""Energy at the wall, counted by a smart plug that answers over HTTP (Shelly, generation 2)."""

import json
import os
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

from flexecutor_energy.energy import Availability, EnergyReading


class SmartPlug:
    method = "plug"

    def __init__(self, url: str) -> None:
        self.url = f"{url}/rpc/Switch.GetStatus?id=0"

    def probe(self) -> Availability:
        why = self.read().problems.get((0, "wall"))
        return Availability(
            why is None, why or f"plug at {self.url}", "set PLUG_URL" if why else ""
        )

    def read(self) -> EnergyReading:
        wall, energy_uj, why = (0, "wall"), None, {}
        try:
            with urllib.request.urlopen(self.url, timeout=1) as answer:
                energy_uj = round(json.load(answer)["aenergy"]["total"] * 3600e6)  # from Wh
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            why = {wall: f"{self.url}: {error!r}"}
        return EnergyReading(time.monotonic(), time.time(), {wall: energy_uj}, "plug", {}, why)


def make(root: Path) -> SmartPlug:
    return SmartPlug(os.environ.get("PLUG_URL", "http://plug.local"))
