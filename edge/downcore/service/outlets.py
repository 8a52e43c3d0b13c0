"""Opens the sinks that the settings ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from downcore import __version__
from downcore.publish import Feed, RunningSink, Sink, SinkSettings, Wake
from downcore.publish.payloads import Birth
from downcore.publish.sinks import sinks
from downcore.service.station import Station
from downcore.settings import Settings
from downcore.store import Reader


@contextmanager
def open_sinks(
    settings: Settings, station: Station, wake: Wake
) -> Iterator[dict[str, RunningSink]]:
    """
    Start every sink that the settings enable, and give them by name; stop them at the end.

    Raises
    ------
    SettingsError
        If a sink cannot be started with the settings.
    """
    path = station.store.path
    feed = Feed(
        open_outbox=lambda: Reader.open(path),
        acks=station.store,
        wake=wake,
        clock=station.clock,
        birth=Birth(
            version=__version__,
            started_utc=station.clock.utc_rfc3339(),
            bundles=tuple(predictor.manifest for predictor in station.predictors),
        ),
        vessel=settings.station.vessel,
        station=settings.station.station,
    )
    running: dict[str, RunningSink] = {}
    try:
        for sink, section in enabled_sinks(settings):
            running[sink.name] = sink.open(section, feed)
        yield running
    finally:
        for sink_at_work in running.values():
            sink_at_work.stop()


def enabled_sinks(settings: Settings) -> list[tuple[Sink, SinkSettings]]:
    """Return the sinks that the settings enable, each with its section."""
    sections = [(sink, settings.sink(name)) for name, sink in sinks().items()]
    return [(sink, section) for sink, section in sections if section.enabled]
