"""How close a worker's joules come to its Shapley value, on hosts whose power is known.

    python -m benchmarks.attribution [--hosts 1000] [--seed 0] [--quick]

The game: some workers are worth the energy that the host draws with them and the foreign load,
above what it draws with the foreign load alone. For ``total``, idle energy comes to the worth of
any workers at all, so that its Shapley value is an equal split among those alive. The value of a
worker is summed over all steps of its life, and the error is that of its whole energy, relative
to it. In a second game the foreign load is a player like the others instead of always there.

Compared are ``attribute``, which sees recorded counters, and CPU time of workers at the ends of
their phases or whenever the host is sampled; an equal split among the workers alive; and the CPU
share of the whole energy, idle included. The last two are given the true rates of every step, and
the equal split of dynamic energy the true idle power.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from benchmarks.shapley import Floats, members, shapley_values
from benchmarks.simulated_hosts import CURVES, STEP_S, SimulatedHost, simulate
from flexecutor_energy.energy import attribute

PHASES, SAMPLES = "attribute, CPU by phase", "attribute, CPU sampled"
METHODS = (PHASES, SAMPLES, "equal split", "CPU share of all")
FLAGGED = 0.1
"""Foreign share of CPU time above which a run is flagged, because nobody else should be there."""

TARGETS = {"median": (50, 0.10), "95 %": (95, 0.25)}


@dataclass(frozen=True, slots=True)
class Errors:
    """Relative errors of one host's workers: method to array (workers).

    Attributes
    ----------
    host : the host
    dynamic, total : in the first game, of dynamic energy and with idle energy
    with_foreign : in the game where the foreign load is a player, of dynamic energy
    """

    host: SimulatedHost
    dynamic: dict[str, Floats]
    total: dict[str, Floats]
    with_foreign: dict[str, Floats]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="100 hosts")
    chosen = parser.parse_args(arguments)
    hosts = 100 if chosen.quick else chosen.hosts
    begin = perf_counter()
    measured = [errors_of(host) for host in simulated(hosts, chosen.seed)]
    workers = sum(len(each.host.cores) for each in measured)
    print(
        f"{hosts} hosts, {workers} workers, seed {chosen.seed},"
        f" {perf_counter() - begin:.0f} s; error relative to the exact Shapley value, %"
    )
    print_methods(measured)
    for title, groups in BREAKDOWNS.items():
        print_groups(title, measured, groups)
    print_idle(hosts, chosen.seed)


def simulated(hosts: int, seed: int) -> Iterable[SimulatedHost]:
    """Return hosts of all families of curves in turn, the same for the same seed."""
    families = list(CURVES)
    for number in range(hosts):
        yield simulate(families[number % len(families)], np.random.default_rng([seed, number]))


def errors_of(host: SimulatedHost) -> Errors:
    """Return how far each method is from the Shapley values of a host's workers."""
    by_cpu = split_by_cpu(host)
    dynamic = {
        "equal split": split_equally(host, host.power_w - host.idle_w),
        "CPU share of all": by_cpu,
    }
    total = {"equal split": split_equally(host, host.power_w), "CPU share of all": by_cpu}
    for method in (PHASES, SAMPLES):
        dynamic[method], idle = attributed(host, host.idle_w, at_samples=method == SAMPLES)
        total[method] = dynamic[method] + idle
    true_dynamic, true_total = shapley_energy(host)
    true_with_foreign, _ = shapley_energy(host, foreign_plays=True)
    return Errors(
        host,
        relative(dynamic, true_dynamic),
        relative(total, true_total),
        relative(dynamic, true_with_foreign),
    )


def attributed(
    host: SimulatedHost, idle_power_w: float, *, at_samples: bool = False
) -> tuple[Floats, Floats]:
    """Return dynamic and idle joules of each worker by ``attribute``, idle split equally."""
    crew = host.worker_traces(at_samples=at_samples)
    shares = attribute(host.host_trace(), crew, "equal", idle_power_w).workers.values()
    dynamic = [share.dynamic_uj or 0 for share in shares]
    return np.array(dynamic) / 1e6, np.array([share.idle_uj or 0 for share in shares]) / 1e6


def relative(joules: dict[str, Floats], true: Floats) -> dict[str, Floats]:
    """Return the relative errors of each method."""
    return {method: np.abs(figures / true - 1) for method, figures in joules.items()}


def shapley_energy(host: SimulatedHost, *, foreign_plays: bool = False) -> tuple[Floats, Floats]:
    """Return dynamic and total joules of each worker by its Shapley value, over all steps.

    Parameters
    ----------
    host : the host
    foreign_plays : whether the foreign load is a player, the last one; else it is always there
    """
    workers = len(host.cores)
    rates = np.vstack([host.rates, host.foreign]) if foreign_plays else host.rates
    always = np.zeros_like(host.foreign) if foreign_plays else host.foreign
    coalitions = members(len(rates))
    load = coalitions @ rates + always
    dynamic_w = host.curve(load / host.threads) - host.curve(always / host.threads)
    idle_w = host.idle_w * (coalitions[:, :workers] @ host.alive > 0)
    dynamic, total = shapley_values(dynamic_w), shapley_values(dynamic_w + idle_w)
    joules = [value[:workers].sum(axis=1) * STEP_S for value in (dynamic, total)]
    return joules[0], joules[1]


def split_equally(host: SimulatedHost, watts: Floats) -> Floats:
    """Return the joules of each worker if those alive get the same at each step."""
    each = watts / np.maximum(host.alive.sum(axis=0), 1)
    return np.asarray((host.alive * each).sum(axis=1) * STEP_S)


def split_by_cpu(host: SimulatedHost) -> Floats:
    """Return the joules of each worker by its part of the host's CPU time, idle included."""
    busy = np.maximum(host.utilisation * host.threads, 1e-12)
    return np.asarray((host.rates / busy * host.power_w).sum(axis=1) * STEP_S)


def print_methods(measured: Sequence[Errors]) -> None:
    """Print the tables of methods, and whether the targets are met."""
    print(f"\n{'':<24}{'dynamic energy':^27}{'total energy':^27}")
    print(f"{'method':<24}" + f"{'median':>9}{'95 %':>9}{'worst':>9}" * 2)
    for method in METHODS:
        dynamic, total = (pooled(measured, kind, method) for kind in ("dynamic", "total"))
        print(f"{method:<24}{quantiles(dynamic)}{quantiles(total)}")
    print("with the foreign load as a player")
    for method in METHODS:
        print(f"{method:<24}{quantiles(pooled(measured, 'with_foreign', method))}")
    print()
    unflagged = [each for each in measured if each.host.foreign_share <= FLAGGED]
    for where, some in {"all hosts": measured, "hosts that are not flagged": unflagged}.items():
        for method in (PHASES, SAMPLES):
            for name, (percentile, target) in TARGETS.items():
                reached = float(np.percentile(pooled(some, "dynamic", method), percentile))
                verdict = "met" if reached <= target else "MISSED"
                print(f"{where}, {method}: {name} {reached:.1%}, target {target:.0%} {verdict}")


def print_groups(
    title: str, measured: Sequence[Errors], groups: dict[str, Callable[[Errors], bool]]
) -> None:
    """Print the errors of ``attribute`` in dynamic energy, in groups of hosts."""
    print(f"\n{title:<24}{'CPU by phase':^27}{'CPU sampled':^27}{'workers':>9}")
    for name, belongs in groups.items():
        inside = [each for each in measured if belongs(each)]
        if inside:
            by_phase, sampled = (pooled(inside, "dynamic", each) for each in (PHASES, SAMPLES))
            print(f"  {name:<22}{quantiles(by_phase)}{quantiles(sampled)}{len(sampled):>9}")


def print_idle(hosts: int, seed: int) -> None:
    """Print what becomes of the errors where idle power is not known well."""
    print(f"\n{'idle power':<24}{'CPU by phase':^27}{'CPU sampled':^27}")
    crowd = [(host, shapley_energy(host)[0]) for host in simulated(min(hosts, 200), seed)]
    for name, factor in {"10 % too low": 0.9, "10 % too high": 1.1, "unknown (0)": 0.0}.items():
        line = ""
        for at_samples in (False, True):
            errors = [
                attributed(host, factor * host.idle_w, at_samples=at_samples)[0] / true - 1
                for host, true in crowd
            ]
            line += quantiles(np.abs(np.concatenate(errors)))
        print(f"  {name:<22}{line}")


def pooled(measured: Sequence[Errors], kind: str, method: str) -> Floats:
    """Return the errors of all workers by one method."""
    errors: list[Floats] = [getattr(each, kind)[method] for each in measured]
    return np.concatenate(errors)


def quantiles(errors: Floats) -> str:
    """Return median, 95th percentile and the largest error, in percent."""
    figures = (*np.percentile(errors, [50, 95]), errors.max())
    return "".join(f"{100 * figure:9.1f}" for figure in figures)


def between(value: Callable[[Errors], float], low: float, high: float) -> Callable[[Errors], bool]:
    """Return whether a figure of a host lies above ``low`` and not above ``high``."""
    return lambda each: low < value(each) <= high


def foreign_share(each: Errors) -> float:
    return each.host.foreign_share


def load(each: Errors) -> float:
    return float(each.host.utilisation[each.host.alive.any(axis=0)].mean())


def crew(each: Errors) -> float:
    return len(each.host.cores)


def of_family(family: str) -> Callable[[Errors], bool]:
    """Return whether a host has a curve of a family."""
    return lambda each: each.host.family == family


BREAKDOWNS: dict[str, dict[str, Callable[[Errors], bool]]] = {
    "foreign": {
        "none": between(foreign_share, -1, 0),
        "up to 10 % of CPU": between(foreign_share, 0, 0.1),
        "10-25 % (flagged)": between(foreign_share, 0.1, 0.25),
        "25-50 % (flagged)": between(foreign_share, 0.25, 1),
    },
    "utilisation": {
        "below 10 %": between(load, -1, 0.1),
        "10-30 %": between(load, 0.1, 0.3),
        "30-60 %": between(load, 0.3, 0.6),
        "above 60 %": between(load, 0.6, 2),
    },
    "curve": {name: of_family(name) for name in CURVES},
    "workers": {
        "2": between(crew, 1, 2),
        "3-5": between(crew, 2, 5),
        "6-8": between(crew, 5, 8),
    },
}


if __name__ == "__main__":
    main()
