"""The documents say what the program does: commands, settings, exit codes, links."""

import re
import subprocess
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer.main

from downcore import exit_codes
from downcore.cli import app
from downcore.publish.sinks import sinks
from downcore.settings import known_keys, load_settings

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
EXAMPLE = ROOT / "config" / "edge.example.toml"
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests" / "README.md"])
PACKAGES = {
    "downcore": "edge",
    "downcore_training": "training",
    "downcore_export": "export",
    "downcore_shore": "shore",
}
INSIDE_DEVICE = {place.name for place in (ROOT / "edge" / "downcore").iterdir() if place.is_dir()}
TOP = {*PACKAGES.values(), "tests", "docs", "config", "benchmarks", "systemd", *INSIDE_DEVICE}
"""What a path of ours begins with."""
INSIDE = ("edge", "edge/downcore", "training/downcore_training", "export/downcore_export")
NEW_FILES = {
    "add-a-log-format.md": "edge/downcore/loggers/example.py",
    "add-a-network.md": "training/downcore_training/networks/small.py",
    "add-a-scanner-format.md": "edge/downcore/sources/formats/scale_in_name.py",
    "add-a-sink.md": "edge/downcore/publish/sinks/json_lines.py",
}
"""What a how-to has its reader write."""
PROSE = (".md", ".toml", ".py", ".service", ".conf", ".txt", ".json", ".yml", ".yaml", ".sh")


def blocks_under(heading: str) -> list[str]:
    """Return the fenced blocks of README between a heading and the next."""
    _, _, rest = README.read_text().partition(f"\n{heading}\n")
    part = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^```\w*\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every command as a person types it, such as ``config check``."""
    found: list[str] = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined] # a group
        inner = getattr(command, "commands", None)
        found += [f"{name} {one}" for one in inner] if inner else [name]
    return found


def tracked_files() -> list[Path]:
    ran = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        pytest.skip("not a git checkout, so nobody says which files belong to it")
    return [ROOT / name for name in ran.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("heading", ["## Try it", "## Test it"])
def test_readme_has_one_command_of_one_line(heading: str) -> None:
    blocks = blocks_under(heading)

    assert len(blocks) == 1, f"expected one fenced block under {heading}, got {len(blocks)}"
    assert len(blocks[0].splitlines()) == 1, f"expected one line under {heading}: {blocks[0]}"
    assert not blocks[0].startswith("$"), "the line must be ready to copy"


def test_readme_installs_only_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for heading in ("## Try it", "## Test it"):
        for named in re.findall(r"\[([\w,]+)\]", blocks_under(heading)[0]):
            assert set(named.split(",")) <= set(extras["optional-dependencies"])


def test_ci_takes_the_test_command_from_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert "## Test it" in script
    assert "pip install" not in script, "CI must run what README says, not a command of its own"


def test_every_setting_is_in_the_example() -> None:
    section = ""
    found: set[str] = set()
    for line in EXAMPLE.read_text().splitlines():
        if head := re.fullmatch(r"\[(\w+)\]", line):
            section = head[1]
        elif key := re.match(r"(?:# )?(\w+) = ", line):
            found.add(f"{section}.{key[1]}")

    # A sink that someone has added brings its section, and the example need not know of it.
    added = sinks().keys() - {key.partition(".")[0] for key in found}
    assert found == {key for key in known_keys() if key.partition(".")[0] not in added}


def test_the_example_is_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "edge.toml"
    copy.write_text(EXAMPLE.read_text())

    from_file = load_settings(copy)

    plain = tmp_path / "empty.toml"
    plain.write_text("")
    assert from_file.model_dump() == load_settings(plain).model_dump()


def test_what_the_example_comments_out_may_be_used(tmp_path: Path) -> None:
    copy = tmp_path / "edge.toml"
    copy.write_text(re.sub(r"^# (\w+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE))

    settings = load_settings(copy)

    assert settings.inbox.px_per_cm == "200"
    assert settings.sink("mqtt").username == "downcore"


def test_every_command_is_in_the_documents() -> None:
    text = "\n".join(path.read_text() for path in DOCS) + EXAMPLE.read_text()

    missing = [name for name in commands() if f"downcore {name}" not in text]

    assert not missing, f"no document mentions {missing}"


def test_the_documents_name_no_command_that_is_not_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    other_packages = project["entry-points"]["downcore.commands"]
    known = {name.split()[0] for name in commands()} | set(other_packages)
    for path in DOCS:
        for block in re.findall(r"^```sh\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
            for used in re.findall(r"(?:^|[/ ])downcore ([a-z-]+)", block, re.MULTILINE):
                assert used in known, f"{path.name}: there is no 'downcore {used}'"


def test_every_exit_code_is_explained() -> None:
    rows = re.findall(
        r"^\| (\d+) \| (\w+) \|",
        (ROOT / "docs" / "reference" / "exit-codes.md").read_text(),
        re.MULTILINE,
    )

    assert {int(code): name for code, name in rows} == {
        code: name
        for name, code in vars(exit_codes).items()
        if name.isupper() and isinstance(code, int)
    }


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" in target or target.startswith("mailto:"):
            continue
        place = (path.parent / target).resolve()
        assert place.exists(), f"{path.name}: {target} is not there"


def spans(path: Path) -> list[str]:
    """Return what a document sets in code letters, outside of its blocks and of old words."""
    current = path.read_text().partition("\n## Old words\n")[0]
    text = re.sub(r"^```.*?^```$", "", current, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def is_defined(dotted: str) -> bool:
    """Tell whether a dotted name is a module of ours, or a name in one."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        place = ROOT.joinpath(PACKAGES[parts[0]], *parts[:n])
        for module in (place / "__init__.py", place.with_suffix(".py")):
            if module.exists():
                text = module.read_text()
                return n == len(parts) or re.search(rf"\b{parts[n]}\b", text) is not None
    return False


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_and_name_of_ours_that_a_document_names_exists(path: Path) -> None:
    dotted = [
        span
        for span in spans(path)
        if re.fullmatch(r"[a-z_]+(\.\w+)+", span) and span.partition(".")[0] in PACKAGES
    ]
    for block in re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
        for module, names in re.findall(
            r"^from (downcore[\w.]*) import ([\w, ]+)", block, re.MULTILINE
        ):
            dotted += [f"{module}.{name.strip()}" for name in names.split(",")]

    missing = [name for name in dotted if not is_defined(name) and not name.endswith(".db")]
    assert not missing, f"{path.name} names {missing}"


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_of_ours_that_a_document_names_exists(path: Path) -> None:
    written = NEW_FILES.get(path.name)
    names = {file.name for file in tracked_files()}
    for span in spans(path):
        if span == written:
            continue
        if re.fullmatch(r"\w[\w.-]*\.py", span):
            assert span in names, f"{path.name}: there is no {span}"
        elif re.fullmatch(r"(?:\w[\w-]*/)+[\w.-]*", span) and span.partition("/")[0] in TOP:
            folders = (path.parent, ROOT, *(ROOT / folder for folder in INSIDE))
            places = [folder / name for folder in folders for name in (span, f"{span}.py")]
            assert any(place.exists() for place in places), f"{path.name}: there is no {span}"


def flags_of(words: list[str]) -> set[str]:
    """Return the flags of the command that ``words`` begin with."""
    root = typer.main.get_command(app).commands  # type: ignore[attr-defined] # a group
    others = {point.name: point for point in entry_points(group="downcore.commands")}
    if words[0] in others:
        alone = typer.Typer()
        alone.command()(others[words[0]].load())
        found = typer.main.get_command(alone)
    else:
        found = root[words[0]]
        inner = getattr(found, "commands", {})
        found = inner[words[1]] if inner and len(words) > 1 else found
    return {
        flag for parameter in found.params for flag in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_flag_that_a_document_gives_a_command_exists(path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += [span for span in spans(path) if span.startswith("downcore ")]
    for line in lines:
        for call in re.findall(r"(?:^|[/ ])downcore ([a-z][^|;&#]*)", line):
            known = flags_of(call.split()) | {"--help"}
            for flag in re.findall(r"(?<!\S)--?[a-z][a-z-]*", call):
                assert flag in known, f"{path.name}: there is no {flag} in 'downcore {call}'"


def test_decisions_are_numbered_without_gaps_and_say_the_three_things() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        heads = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert heads == ["Context", "Decision", "Consequences"], page.name
        assert page.read_text().startswith(f"# {page.name[:4]} "), page.name
        assert len(page.read_text().splitlines()) <= 60, f"{page.name} is over a page"


def test_no_file_names_a_place_of_the_machine_it_was_written_on() -> None:
    # In two pieces, so that this file does not name them either.
    hosts = ("pypi" + ".org", "python" + "hosted", "deb.debian" + ".org", "registry.npm" + "js")
    homes = re.compile(r"(?<![\w.~$}])/(?:work|root)/")
    for path in tracked_files():
        if path.suffix in PROSE or path.name == "run":
            text = path.read_text(errors="replace")
            named = [host for host in hosts if host in text]
            assert not named, f"{path.relative_to(ROOT)} names {named}"
            found = homes.search(text)
            assert not found, f"{path.relative_to(ROOT)} names {found[0] if found else ''}"
