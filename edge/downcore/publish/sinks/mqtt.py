"""The ship's broker as a sink."""

from downcore.publish.sink import Feed, RunningSink, Sink
from downcore.publish.sinks._mqtt_settings import MqttSettings, check, probe

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
