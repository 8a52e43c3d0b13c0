from pathlib import Path

import pytest

from downcore.demo.show import DemoPlan, demo_settings
from downcore.publish.sinks.mqtt import MqttSettings

PORT = 18_830


def plan_in(folder: Path) -> DemoPlan:
    return DemoPlan(folder, metres_per_min=1.0, length_cm=10, seed=1, ends_by_itself=True)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MQTT__ENABLED", "false"),
        ("MQTT__HOST", "broker.ship"),
        ("MQTT__TLS", "true"),
        ("MQTT__USERNAME", "downcore"),
        ("MQTT__PASSWORD_FILE", "password"),
        ("MQTT__CA_FILE", "ca.pem"),
        ("MQTT__CERT_FILE", "cert.pem"),
        ("MQTT__KEY_FILE", "key.pem"),
        ("MQTT__PROTOCOL", "5"),
        ("MQTT", '{"tls": true, "port": 8883}'),
    ],
)
def test_the_demo_keeps_to_its_own_broker_on_a_machine_set_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"DOWNCORE_{variable}", value)

    settings = demo_settings(plan_in(tmp_path), tmp_path / "inbox", PORT)

    broker = settings.sink("mqtt")
    assert broker == MqttSettings(port=PORT), f"DOWNCORE_{variable} changed the demo's broker"


def test_the_demo_looks_at_its_scan_as_it_means_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNCORE_INBOX__GIVE_UP_S", "0")

    settings = demo_settings(plan_in(tmp_path), tmp_path / "inbox", PORT)

    assert settings.inbox.give_up_s > settings.inbox.settle_s


def test_the_demo_runs_the_bundles_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNCORE_PREDICT__BUNDLES", '["resnet-18"]')

    settings = demo_settings(plan_in(tmp_path), tmp_path / "inbox", PORT)

    assert settings.predict.bundles == ("resnet-18",)
