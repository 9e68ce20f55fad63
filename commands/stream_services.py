"""The stream's part of `serve`, as services beside the pages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.intake.service import Intake
    from reports.settling import Settling
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


class SettleService:
    """`reports.settling.Settling` with the health that the server asks for."""

    name = "settle"

    def __init__(self, settling: Settling) -> None:
        self._settling = settling

    def start(self) -> None:
        """Begins."""
        self._settling.start()

    def stop(self) -> None:
        """Ends after the day under way."""
        self._settling.stop()

    def health(self) -> Health:
        """How it is."""
        from web.services import Health

        return Health(not self._settling.trouble, self._settling.trouble, figures={"days": self._settling.days})


def stream_services(
    store: SharedStore, registry_folder: Path, kafka: str, prefix: str, *, skip_lost: bool = False
) -> list[Service]:
    """What `serve --kafka` runs beside the pages."""
    from ingest.kafka.topics import Topics
    from reports.intake.service import Intake
    from reports.knowledge import knowledge_of
    from reports.settling import Settling
    from rules.registry import load_with_files
    from stream.knowledge import publish_knowledge

    registry, files = load_with_files(registry_folder)
    topics = Topics(prefix)

    def teach() -> None:
        with store.reading() as reader:
            known = knowledge_of(reader)
        publish_knowledge(kafka, topics, known)

    with store.reading() as reader:
        learnt = reader.query("FROM kept.fleet").height
    if learnt:
        teach()
    settling = Settling(store, registry_folder, local_now=lambda: datetime.now(registry.zone), on_settled=teach)
    intake = Intake(store, registry, files, kafka, topics, skip_lost=skip_lost)
    return [IntakeService(intake), SettleService(settling)]
