"""The stream's part of `serve`, as services beside the pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.intake.service import Intake
    from reports.shared import SharedStore
    from web.services import Health, Service


class IntakeService:
    """`reports.intake.service.Intake` with the health that the server asks for."""

    name = "intake"

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def start(self) -> None:
        """Begins to take in."""
        self._intake.start()

    def stop(self) -> None:
        """Ends; waits for what is being written."""
        self._intake.stop()

    def health(self) -> Health:
        """How it is."""
        from web.services import Health

        well, detail, fatal = self._intake.state()
        return Health(well, detail, fatal, dict(self._intake.figures))


def stream_services(store: SharedStore, registry_folder: Path, kafka: str, prefix: str) -> list[Service]:
    """What `serve --kafka` runs beside the pages."""
    from ingest.kafka.topics import Topics
    from reports.intake.service import Intake
    from rules.registry import load_with_files

    registry, files = load_with_files(registry_folder)
    return [IntakeService(Intake(store, registry, files, kafka, Topics(prefix)))]
