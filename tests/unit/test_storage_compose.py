"""The compose file for MinIO says what the settings expect and opens nothing to the network."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flexecutor_energy.settings import DEFAULT_BUCKET

FILE = Path(__file__).parents[2] / "docker-compose.yml"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return found


def test_every_port_is_bound_to_this_host(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned_to_a_release(services: dict[str, Any]) -> None:
    assert all(":RELEASE." in service["image"] for service in services.values())


def test_the_bucket_is_the_default_one_and_made_when_the_server_is_healthy(
    services: dict[str, Any],
) -> None:
    assert services["minio"]["healthcheck"]["test"][0] == "CMD"
    bucket = services["bucket"]
    assert bucket["depends_on"] == {"minio": {"condition": "service_healthy"}}
    assert bucket["environment"]["BUCKET"] == f"${{FLEXECUTOR_ENERGY_BUCKET:-{DEFAULT_BUCKET}}}"


def test_both_services_take_the_credentials_that_the_settings_read(
    services: dict[str, Any],
) -> None:
    for service in services.values():
        assert {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"} <= set(service["environment"])
