"""One distribution, four packages, one version; and a device that never loads the lab."""

import importlib.util
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import downcore

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "downcore": "edge",
    "downcore_training": "training",
    "downcore_export": "export",
    "downcore_shore": "shore",
}
LAB = ("torch", "onnx", "onnxruntime", "nncf", "sklearn", "downcore_training", "downcore_export")
SLOW = (*LAB, "openvino", "matplotlib", "amqtt", "cv2")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that a new interpreter has loaded after ``code``."""
    script = f"{code}\nimport sys\nprint(*{{m.partition('.')[0] for m in sys.modules}})"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(str(ROOT / part) for part in PACKAGES.values()), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.split("\n")[-2].split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("building the wheel needs hatchling; pip install hatchling")
    out = tmp_path_factory.mktemp("wheel")
    ran = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_carries_types_and_licence(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()

    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names), "the licence is missing"
    assert not [n for n in names if "__pycache__" in n or n.endswith((".db", ".pyc"))]


def test_every_package_says_that_it_is_typed() -> None:
    for package, folder in PACKAGES.items():
        assert (ROOT / folder / package / "py.typed").is_file(), f"{package} has no py.typed"


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    assert downcore.__version__ == project()["version"]


@pytest.mark.parametrize(
    "module",
    ["downcore.cli", "downcore.service", "downcore.loggers", "downcore.strata.colour_profile"],
)
def test_the_device_never_loads_the_lab(module: str) -> None:
    loaded = modules_after(f"import {module}")

    assert not loaded & set(LAB), f"importing {module} loads {loaded & set(LAB)}"


def test_help_loads_nothing_slow() -> None:
    loaded = modules_after(
        "import contextlib, io, sys\n"
        "sys.argv = ['downcore', '--help']\n"
        "from downcore.cli import app\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    app()"
    )

    assert not loaded & set(SLOW), f"--help loads {loaded & set(SLOW)}"


def test_drawing_is_loaded_only_when_something_is_drawn() -> None:
    loaded = modules_after("import downcore.plate")

    assert "matplotlib" not in loaded


def test_every_dependency_has_a_tested_version_within_its_range() -> None:
    told = project()
    lines = [*told["dependencies"]]
    for extra in told["optional-dependencies"].values():
        lines += extra
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            pinned[canonicalize_name(name)] = version

    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        if name == "downcore":
            continue
        assert name in pinned, f"constraints.txt does not name {name}"
        assert requirement.specifier.contains(pinned[name]), (
            f"{name} {pinned[name]} is out of range"
        )


def test_constraints_name_versions_and_no_place_to_get_them() -> None:
    text = (ROOT / "constraints.txt").read_text()

    for word in ("://", "--", "@", "/"):
        assert word not in text, f"constraints.txt holds {word!r}"
