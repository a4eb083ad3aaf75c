"""A page as a visitor sees it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DESK = {"viewport": {"width": 1200, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
}


class Visit:
    """One page in one window.

    Attributes
    ----------
    page : Playwright's page
    complaints : errors and warnings of the console, and exceptions
    requests : addresses asked for, but for the page itself and data inside it
    """

    def __init__(
        self, browser: "Browser", path: Path, screenshots: Path, context: dict[str, Any]
    ) -> None:
        self._screenshots = screenshots
        self._context = browser.new_context(**(DESK | context))
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = self._context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._asked)
        self._session = self._context.new_cdp_session(self.page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._address = path.as_uri()
        self.page.goto(self._address)

    def drawn(self) -> "Visit":
        """Wait until a report has drawn all its charts."""
        self.page.wait_for_selector("html[data-ready=yes]")
        return self

    def processor_seconds(self) -> float:
        """Return what the page's main thread has used so far."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in metrics if m["name"] == "TaskDuration"))

    def keep(self, name: str, *, whole: bool = True) -> None:
        """Keep a screenshot."""
        self._screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._screenshots / f"{name}.png", full_page=whole)

    def close(self) -> None:
        self._context.close()

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        if request.url != self._address and not request.url.startswith(("data:", "blob:")):
            self.requests.append(request.url)
