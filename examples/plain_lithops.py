"""Joules of two plain Lithops programs, call by call: π by throwing darts, and the Mandelbrot set.

Run it from anywhere: ``python examples/plain_lithops.py``. Any ``lithops.FunctionExecutor`` will
do instead of the one on this machine; nothing in the programs knows that they are measured.
"""

import random
import sys
from itertools import pairwise

import lithops

from flexecutor_energy.energy import measure
from flexecutor_energy.quantities import format_quantity

DARTS, CALLS = 400_000, 4
WIDTH, HEIGHT, LIMIT, BANDS = 240, 160, 300, 4


def hits(darts: int, id: int) -> int:  # noqa: A002 - by this name Lithops tells which call it is
    """Return how many of some darts hit the circle in the square."""
    chance = random.Random(id)
    return sum(chance.random() ** 2 + chance.random() ** 2 <= 1.0 for _ in range(darts))


def estimate(results: list[int]) -> float:
    """Return what hits of all calls say about π."""
    return 4.0 * sum(results) / (DARTS * CALLS)


def band(first: int, last: int) -> int:
    """Return how many points of some rows belong to the Mandelbrot set."""
    inside = 0
    for row in range(first, last):
        for column in range(WIDTH):
            point = complex(-2.0 + 2.6 * column / WIDTH, -1.2 + 2.4 * row / HEIGHT)
            value, steps = 0j, 0
            while abs(value) <= 2.0 and steps < LIMIT:
                value, steps = value * value + point, steps + 1
            inside += steps == LIMIT
    return inside


def main() -> None:
    """Run both programs and print where their joules went."""
    with lithops.LocalhostExecutor(runtime=sys.executable, log_level=None) as fexec:
        with measure(fexec) as pi:
            fexec.map_reduce(hits, [DARTS] * CALLS, estimate)
            print(f"π is about {fexec.get_result(show_progressbar=False)}")
        print(pi, end="\n\n")

        edges = [HEIGHT * at // BANDS for at in range(BANDS + 1)]
        with measure(fexec) as mandelbrot:
            fexec.map(band, list(pairwise(edges)))
            points = fexec.get_result(show_progressbar=False)
        print(f"{sum(points)} of {WIDTH * HEIGHT} points belong to the Mandelbrot set")
        print(mandelbrot)
        for call in mandelbrot.calls:
            print(f"  band {call.future.call_id}: {format_quantity(call.energy_j, 'J')}")


if __name__ == "__main__":
    main()
