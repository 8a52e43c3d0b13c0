"""The first hour of a technician: init looks, writes settings that load, and changes nothing."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from downcore import endmember_presets
from downcore.cli import app
from downcore.commands.doctor import examine
from downcore.commands.init import look_around, settings_text, write_settings
from downcore.exit_codes import REFUSED
from downcore.settings import known_keys, load_settings
from downcore.simulator.generator import CoreRecipe, generate
from downcore.simulator.scanner import pattern_named, play, scan_job
from downcore.strata.errors import SettingsError


def scan(folder: Path, pattern: str, name: str) -> None:
    folder.mkdir(exist_ok=True)
    core = generate(CoreRecipe(seed=3, length_cm=2.0, px_per_cm=20.0, width_cm=3.0))
    for _ in play(scan_job(core, folder, name, px_per_cm=20), pattern_named(pattern)):
        pass


def test_init_says_where_the_scale_comes_from(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    scan(inbox, "sidecar-before", "2019_643_FA_GC01_01")

    findings = look_around(inbox)

    said = "\n".join(findings.sentences)
    assert "20 px/cm" in said, said
    assert "2019_643_FA_GC01_01" in said, said
    assert not findings.is_scale_missing, "the sidecar says the scale"


def test_init_asks_for_the_scale_only_where_nobody_says_it(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    scan(inbox, "whole-by-rename", "2019_643_FA_GC01_01")

    findings = look_around(inbox)

    assert findings.is_scale_missing, "a plain TIFF says no scale"
    assert any("inbox.px_per_cm" in one for one in findings.sentences), findings.sentences


def test_init_names_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(b"no image at all")

    said = "\n".join(look_around(tmp_path).sentences)

    assert "broken.tif" in said, said


def test_init_changes_nothing_in_the_inbox(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    scan(inbox, "whole-by-rename", "a")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in inbox.iterdir()}

    look_around(inbox)

    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in inbox.iterdir()} == before


def test_settings_that_init_writes_load_and_explain_every_key(tmp_path: Path) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "edge.toml"
    inbox.mkdir()
    write_settings(look_around(inbox), out, may_overwrite=False)

    assert load_settings(out).inbox.path == inbox, "the inbox is not the one looked at"
    text = out.read_text()
    for key, meaning in known_keys().items():
        name = key.split(".")[1]
        assert re.search(rf"^(# )?{name} = ", text, re.MULTILINE), f"{key} is missing"
        assert meaning in text, f"{key} is not explained"


def test_the_defaults_that_init_writes_are_the_defaults(tmp_path: Path) -> None:
    text = settings_text(look_around(tmp_path))
    out = tmp_path / "all.toml"
    out.write_text(re.sub(r"^# (\w+ = (?!\"\.\.\.\"))", r"\1", text, flags=re.MULTILINE))

    assert load_settings(out).predict == load_settings(None).predict, "a written default differs"
    assert load_settings(out).mqtt == load_settings(None).mqtt, "a written default differs"


def test_init_never_overwrites_settings_unasked(tmp_path: Path) -> None:
    out = tmp_path / "edge.toml"
    out.write_text("mine")
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    with pytest.raises(SettingsError, match="--force"):
        write_settings(look_around(inbox), out, may_overwrite=False)

    assert out.read_text() == "mine", "the settings were overwritten"


def test_init_writes_no_settings_into_the_inbox(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    with pytest.raises(SettingsError, match="outside the inbox"):
        write_settings(look_around(inbox), inbox / "edge.toml", may_overwrite=True)

    assert list(inbox.iterdir()) == [], "something was written to the inbox"


def test_init_says_where_the_top_of_the_core_is(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    scan(inbox, "whole-by-rename", "2019_643_FA_GC01_01")

    said = look_around(inbox).sentences

    assert any(one.startswith("core top: up") for one in said), said


def test_init_of_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can be listed"):
        look_around(tmp_path / "no")


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(
        '[inbox]\npath = "nowhere"\n[predict]\nbundles = ["no-such"]\n[mqtt]\nport = 9\n'
    )

    checks = {check.name: check for check in examine(config)}

    for name in ("inbox", "bundles", "mqtt"):
        assert not checks[name].is_ok, f"{name} should be wrong"
        assert checks[name].advice, f"{name} has no advice"
    assert "no-such" in checks["bundles"].finding, checks["bundles"].finding
    assert checks["store"].is_ok, checks["store"].finding
    assert not (tmp_path / "downcore.db").exists(), "doctor made a store"


def test_doctor_ends_with_the_command_that_checks_again(tmp_path: Path) -> None:
    config = tmp_path / "edge of sea.toml"
    config.write_text("[inbxo]\n")

    ended = CliRunner().invoke(app, ["doctor", "--config", str(config)])

    assert ended.exit_code == REFUSED
    last = ended.stdout.splitlines()[-1]
    assert last.endswith(f"downcore doctor --config {shlex.quote(str(config))}"), ended.stdout


def test_no_remedy_of_doctor_leads_to_a_page_that_is_not_installed(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(
        '[inbox]\npath = "nowhere"\n[store]\npath = "no/downcore.db"\n[predict]\n'
        'bundles = ["no-such"]\n[composition]\ntables = ["./own.toml"]\n[mqtt]\nport = 9\n'
    )

    wrong = [check for check in examine(config) if not check.is_ok]

    assert {check.name for check in wrong} >= {"inbox", "disk", "bundles", "composition", "mqtt"}
    for check in wrong:
        assert check.advice
        assert "docs/" not in check.advice, f"{check.name}: {check.advice}"


def test_init_and_doctor_say_the_same_of_the_scale_in_an_empty_inbox(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    config = tmp_path / "edge.toml"
    findings = look_around(inbox)
    write_settings(findings, config, may_overwrite=False)

    (scale,) = (check for check in examine(config) if check.name == "scale")

    assert scale.is_ok
    assert f"scale: {scale.finding}" in findings.sentences


def test_doctor_names_the_end_member_table_that_cannot_be_used(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('[composition]\ntables = ["./own.toml"]\n')
    (tmp_path / "own.toml").write_text('kind = "physical"\nname = "own"\n')

    checks = {check.name: check for check in examine(config)}

    assert not checks["composition"].is_ok
    assert "own.toml" in checks["composition"].finding
    assert "composition.tables" in checks["composition"].advice


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((), "expected tables of different names"),
        (('group = "clay"', 'group = "{}"'), "expected at most 6 groups"),
    ],
    ids=["one name twice", "too many groups"],
)
def test_doctor_finds_tables_that_could_never_compose(
    tmp_path: Path, change: tuple[str, str] | tuple[()], said: str
) -> None:
    text = (Path(endmember_presets.__file__).parent / "marine.toml").read_text()
    if change:
        # Each of the three clays a group of its own: eight in all.
        parts = text.split(change[0])
        named = [change[1].format(f"clay {n}") for n in range(len(parts) - 1)]
        text = parts[0] + "".join(a + b for a, b in zip(named, parts[1:], strict=True))
    (tmp_path / "own.toml").write_text(text)
    config = tmp_path / "edge.toml"
    config.write_text('[composition]\ntables = ["./own.toml", "marine"]\n')

    checks = {check.name: check for check in examine(config)}

    assert not checks["composition"].is_ok
    assert said in checks["composition"].finding, checks["composition"].finding


def test_doctor_says_what_composition_is_made_with(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[composition]\nenabled = true\n")

    checks = {check.name: check for check in examine(config)}

    assert checks["composition"].is_ok
    assert "marine (6 groups), marine-colour (3 groups)" in checks["composition"].finding


def test_doctor_stops_at_settings_that_cannot_be_read(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text("[inbxo]\n")

    (check,) = examine(config)

    assert not check.is_ok, "wrong settings were taken"
    assert "inbox" in check.finding, check.finding


def test_doctor_misses_a_scale_that_nobody_says(tmp_path: Path) -> None:
    scan(tmp_path / "inbox", "whole-by-rename", "2019_643_FA_GC01_01")
    config = tmp_path / "edge.toml"
    config.write_text('[inbox]\npath = "inbox"\n[predict]\nbundles = ["resnet-18"]\n')

    checks = {check.name: check for check in examine(config)}

    assert not checks["scale"].is_ok, checks["scale"].finding
    assert "px_per_cm" in checks["scale"].advice, checks["scale"].advice


def coarse_scans(folder: Path, *scales: str) -> Path:
    """Return an inbox with an upright scan of each scale, which a sidecar says."""
    folder.mkdir()
    for number, px_per_cm in enumerate(scales, start=1):
        lines = np.full((400, 150, 3), 120 + number, np.uint8)
        cv2.imwrite(str(folder / f"GC01_0{number}.tif"), lines)
        (folder / f"GC01_0{number}.xml").write_text(
            f"<geotek-image><coreID>GC01</coreID><section-number>{number}</section-number>"
            f"<pixels-per-CM>{px_per_cm}</pixels-per-CM></geotek-image>"
        )
    return folder


@pytest.mark.parametrize(
    ("scales", "names"),
    [
        (("17.4", "20"), ("odp887-blend",)),
        (("200", "17.4"), ("hrnet-deeplabv3plus", "odp887-blend")),
        (("200", "150"), ()),
        (("1", "1"), ()),
    ],
)
def test_init_proposes_bundles_that_can_read_the_scans(
    tmp_path: Path, scales: tuple[str, ...], names: tuple[str, ...]
) -> None:
    found = look_around(coarse_scans(tmp_path / "inbox", *scales))
    write_settings(found, tmp_path / "edge.toml", may_overwrite=False)

    assert load_settings(tmp_path / "edge.toml").predict.bundles == (
        names or ("hrnet-deeplabv3plus",)
    )
    said = [line for line in found.sentences if line.startswith("bundles: ")]
    assert bool(said) == (scales != ("200", "150"))
    assert all(name in said[0] for name in names)


def test_doctor_says_that_no_bundle_can_read_a_scan_and_which_could(tmp_path: Path) -> None:
    coarse_scans(tmp_path / "inbox", "17.4", "17.4")
    config = tmp_path / "edge.toml"
    config.write_text('[inbox]\npath = "inbox"\n[predict]\nbundles = ["boosted-colour"]\n')

    checks = {check.name: check for check in examine(config)}
    assert not checks["bundles"].is_ok
    assert "2 of 2 scans have 17.4 px/cm" in checks["bundles"].finding
    assert checks["bundles"].advice == 'set predict.bundles = ["odp887-blend"]'

    config.write_text(
        '[inbox]\npath = "inbox"\n[predict]\n'
        'bundles = ["boosted-colour", "odp887-boosted-profile"]\n'
    )
    assert {check.name: check for check in examine(config)}["bundles"].is_ok
