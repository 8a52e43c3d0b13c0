"""Opens the sinks that the settings ask for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from downcore import __version__
from downcore.publish import Feed, RunningSink, Wake, sinks
from downcore.publish.mqtt_settings import MqttSettings
from downcore.publish.payloads import Birth
from downcore.service.station import Station
from downcore.settings import Settings
from downcore.store import Reader


@contextmanager
def open_sinks(
    settings: Settings, station: Station, wake: Wake, *, extra: Sequence[str] = ()
) -> Iterator[tuple[RunningSink, ...]]:
    """
    Start the broker's sink, where it is enabled, and the ``extra`` ones; stop them at the end.

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
    )
    known = sinks()
    running: list[RunningSink] = []
    try:
        if settings.mqtt.enabled:
            running.append(known["mqtt"].open(mqtt_settings_of(settings), feed))
        running += [known[name].open(known[name].settings(), feed) for name in extra]
        yield tuple(running)
    finally:
        for sink in running:
            sink.stop()


def mqtt_settings_of(settings: Settings) -> MqttSettings:
    """Return how to reach the broker."""
    mqtt, station = settings.mqtt, settings.station
    return MqttSettings(
        host=mqtt.host,
        port=mqtt.port,
        vessel=station.vessel,
        station=station.station,
        protocol=mqtt.protocol,
        username=mqtt.username,
        password_file=mqtt.password_file,
        tls=mqtt.tls,
        ca_file=mqtt.ca_file,
        cert_file=mqtt.cert_file,
        key_file=mqtt.key_file,
    )
