"""What a run of a stage costs, in USD.

Prices are on-demand list prices without free tiers or savings plans. ``GB`` means what the
provider means by it: AWS sets function memory in MB of which 1,024 are the GB it bills.
"""

from dataclasses import dataclass
from typing import Literal

from flexecutor_energy.errors import ConfigurationError

# AWS Lambda, us-east-1, first tier: https://aws.amazon.com/lambda/pricing/ (as of 2025-11)
LAMBDA_X86_USD_PER_GB_S = 0.0000166667
LAMBDA_ARM_USD_PER_GB_S = 0.0000133334
LAMBDA_USD_PER_INVOCATION = 0.20 / 1_000_000
# Amazon S3 Standard, us-east-1: https://aws.amazon.com/s3/pricing/ (as of 2025-11)
S3_USD_PER_PUT = 0.005 / 1000  # PUT, COPY, POST, LIST
S3_USD_PER_GET = 0.0004 / 1000  # GET and all others
# "At 1,769 MB, a function has the equivalent of one vCPU", and memory goes from 128 MB upwards:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html (as of 2025-11)
LAMBDA_MB_PER_CORE = 1769
LAMBDA_MIN_MEMORY_MB = 128

_MB_PER_GB = 1024


@dataclass(frozen=True, slots=True)
class Pricing:
    """How runs are charged.

    Attributes
    ----------
    name : as it is chosen by
    provider : where this price is paid: the name of a Lithops backend, or ``""`` for a machine
        of one's own
    usd_per_gb_s : for each GB of memory of each worker, for each second it runs
    usd_per_invocation : for each worker
    usd_per_put, usd_per_get : for each request to the object store
    usd_per_hour : for the machine as a whole, as long as the workflow runs

    Raises
    ------
    ConfigurationError
        A price is negative.
    """

    name: str
    provider: str = ""
    usd_per_gb_s: float = 0.0
    usd_per_invocation: float = 0.0
    usd_per_put: float = 0.0
    usd_per_get: float = 0.0
    usd_per_hour: float = 0.0

    def __post_init__(self) -> None:
        for field in ("gb_s", "invocation", "put", "get", "hour"):
            price = getattr(self, f"usd_per_{field}")
            if not 0 <= price < float("inf"):
                raise ConfigurationError(
                    f"usd_per_{field} of pricing {self.name!r} must be a number of at least 0, "
                    f"got {price!r}"
                )

    @property
    def usd_per_s(self) -> float:
        """The machine's price for each second of the makespan, shared by all stages."""
        return self.usd_per_hour / 3600

    def stage_cost(
        self,
        worker_seconds: float,
        memory_mb: float,
        workers: int,
        requests_put: float = 0,
        requests_get: float = 0,
    ) -> float:
        """Return what one run of a stage costs by itself, in USD.

        A machine paid by the hour is not in it: that is ``usd_per_s`` times the makespan of the
        workflow, however many stages share it.

        Parameters
        ----------
        worker_seconds : billed seconds summed over workers, initialisation included (AWS bills
            it since August 2025)
        memory_mb : memory of each worker as billed, see ``billed_memory_mb``
        workers : invocations
        requests_put, requests_get : requests to the object store
        """
        return (
            worker_seconds * memory_mb / _MB_PER_GB * self.usd_per_gb_s
            + workers * self.usd_per_invocation
            + requests_put * self.usd_per_put
            + requests_get * self.usd_per_get
        )

    def billed_memory_mb(self, cpu: float, memory_mb: float) -> float:
        """Return the memory that each worker is billed for, in MB.

        That is its memory limit. A worker without one (0) is billed as the function that would
        have its cores: on AWS Lambda cpu follows memory, 1,769 MB a core, 128 MB at least.
        """
        if memory_mb > 0:
            return memory_mb
        return max(cpu * LAMBDA_MB_PER_CORE, LAMBDA_MIN_MEMORY_MB)

    def memory_note(self, cpu: float, memory_mb: float) -> str:
        """Return a sentence on the memory billed where it needs one, else ``""``."""
        if self.usd_per_gb_s == 0:
            return ""
        billed = self.billed_memory_mb(cpu, memory_mb)
        if memory_mb <= 0:
            return (
                f"no memory limit was set: {billed:.0f} MB a worker are billed, what AWS Lambda "
                f"gives {cpu:g} cores with (1,769 MB a core)"
            )
        if cpu > 1.02 * memory_mb / LAMBDA_MB_PER_CORE:  # 2 %: rounded shares are no promise
            return (
                f"{memory_mb:.0f} MB are billed, but AWS Lambda gives "
                f"{memory_mb / LAMBDA_MB_PER_CORE:.2f} cores with them, not {cpu:g}"
            )
        return ""

    def hypothetical(self, measured_on: str | None) -> str:
        """Return why this price is hypothetical for runs measured there, or ``""`` if it is not.

        Parameters
        ----------
        measured_on : the backend on which times were measured; None if profiles do not say
        """
        # profiles name a backend of Lithops with its prefix, as in lithops:aws_lambda
        place = (measured_on or "").removeprefix("lithops:")
        if not self.provider or place == self.provider:
            return ""
        where = f"on {measured_on!r}" if measured_on else "elsewhere"
        return (
            f"hypothetical: prices of {self.name} on times measured {where}; "
            f"on {self.provider} the same work would take another time"
        )


AWS_LAMBDA_X86 = Pricing(
    "aws_lambda_x86",
    provider="aws_lambda",
    usd_per_gb_s=LAMBDA_X86_USD_PER_GB_S,
    usd_per_invocation=LAMBDA_USD_PER_INVOCATION,
    usd_per_put=S3_USD_PER_PUT,
    usd_per_get=S3_USD_PER_GET,
)
AWS_LAMBDA_ARM = Pricing(
    "aws_lambda_arm",
    provider="aws_lambda",
    usd_per_gb_s=LAMBDA_ARM_USD_PER_GB_S,
    usd_per_invocation=LAMBDA_USD_PER_INVOCATION,
    usd_per_put=S3_USD_PER_PUT,
    usd_per_get=S3_USD_PER_GET,
)

PricingChoice = Pricing | Literal["aws_lambda_x86", "aws_lambda_arm"] | str | None

_NAMED = {pricing.name: pricing for pricing in (AWS_LAMBDA_X86, AWS_LAMBDA_ARM)}


def host_pricing(usd_per_hour: float) -> Pricing:
    """Return the price of a machine of one's own, or rented by the hour."""
    return Pricing("host", usd_per_hour=usd_per_hour)


def resolve_pricing(choice: PricingChoice = None) -> Pricing:
    """Return the pricing of a name or an object; None means ``aws_lambda_x86``.

    ``host:0.34`` means a machine at 0.34 USD an hour.

    Raises
    ------
    ConfigurationError
        The name is not known.
    """
    if choice is None:
        return AWS_LAMBDA_X86
    if isinstance(choice, Pricing):
        return choice
    if choice in _NAMED:
        return _NAMED[choice]
    name, _, price = str(choice).partition(":")
    if name == "host":
        try:
            return host_pricing(float(price))
        except ValueError:
            raise ConfigurationError(
                f"pricing {choice!r} must say what the machine costs in USD an hour, as in "
                "'host:0.34'"
            ) from None
    known = ", ".join([*_NAMED, "host:<USD per hour>"])
    raise ConfigurationError(f"pricing {choice!r} is not known; known are: {known}")
