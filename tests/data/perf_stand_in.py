#!/usr/bin/env python3
"""Stands in for ``perf stat -a -x;`` on a machine whose packages draw 33 W and memory 3 W."""

import sys
import time

WATTS = {"power/energy-pkg/": 33.0, "power/energy-ram/": 3.0}


def tell(events: list[str], seconds: float, at: float | None = None) -> None:
    stamp = f"{at:.6f};" if at is not None else ""
    for event in events:
        joules = WATTS[event] * seconds
        line = f"{stamp}{joules:.2f};Joules;{event};{seconds * 1e9:.0f};100.00;;\n"
        sys.stderr.write(line)
    sys.stderr.flush()


def main() -> None:
    arguments = sys.argv[1:]
    events = arguments[arguments.index("-e") + 1].split(",")
    if "-I" not in arguments:
        time.sleep(0.1)
        tell(events, 0.1)
        return
    period = int(arguments[arguments.index("-I") + 1]) / 1000
    start = last = time.monotonic()
    while True:
        time.sleep(max(0.0, last + period - time.monotonic()))
        now = time.monotonic()
        tell(events, now - last, now - start)
        last = now


main()
