"""The ship's broker as a sink."""

from downcore.publish.sink import Address, Feed, RunningSink, Sink
from downcore.publish.sinks._mqtt_settings import MqttSettings, check

__all__ = ["SINK", "MqttSettings"]


def open_mqtt(settings: MqttSettings, feed: Feed) -> RunningSink:
    """
    Start publishing to the broker.

    Raises
    ------
    SettingsError
        As :func:`check`.
    """
    # The client is loaded by those who publish, not by all who read the settings.
    from downcore.publish.sinks._mqtt_sink import MqttSink  # noqa: PLC0415 - see above

    check(settings)
    return MqttSink(settings, feed)


ANY_STATION = Address("vessel", "scanner")
"""The names that the settings have by default."""


def probe(settings: MqttSettings, address: Address = ANY_STATION, /) -> str:
    """
    Return that the broker lets the station in and gives back what it publishes.

    Raises
    ------
    OSError
        If not; says at which step.
    """
    # The client is loaded by those who use it, not by all who read the settings.
    from downcore.publish.sinks._mqtt_loopback import converse  # noqa: PLC0415 - see above

    return converse(settings, address)


SINK = Sink(
    name="mqtt",
    settings=MqttSettings,
    open=open_mqtt,
    # Nothing listens on the port, so the contract tests see the sink with its broker down.
    example=MqttSettings(port=1),
    check=check,
    probe=probe,
)
"""What :func:`downcore.publish.sinks.sinks` finds."""
