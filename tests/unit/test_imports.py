"""Walls between packages: private modules stay private, and no import runs in a circle."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "downcore": "edge",
    "downcore_training": "training",
    "downcore_export": "export",
    "downcore_shore": "shore",
}


def files_of(package: str, root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    folder = root / FOLDERS[package]
    for path in sorted((folder / package).rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def modules() -> dict[str, Path]:
    return dict(one for package in FOLDERS for one in files_of(package))


def imported(source: str, known: frozenset[str]) -> set[str]:
    """Return what a module's text imports, lazily or not: a module, or a name in one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import, line {node.lineno}"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else str(node.module) for name in names}
    return {name for name in found if name.partition(".")[0] in FOLDERS}


def package_of(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def private_to_another(name: str, package: str) -> bool:
    """Tell whether a part of ``name`` is private, and not to ``package``."""
    parts = name.split(".")
    return any(
        part.startswith("_") and not part.startswith("__") and ".".join(parts[:i]) != package
        for i, part in enumerate(parts)
    )


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other, the first again at the end; none if there is none."""
    done: set[str] = set()
    for start in sorted(imports):
        path = [start]
        waiting = [sorted(imports[start])]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                done.add(path.pop())
                continue
            following = waiting[-1].pop()
            if following in path:
                return [*path[path.index(following) :], following]
            if following not in done:
                path.append(following)
                waiting.append(sorted(imports[following]))
    return []


def with_parents(module: str, names: set[str]) -> set[str]:
    """Return the modules that are run when ``module`` imports ``names``: packages come first."""
    found: set[str] = set()
    for name in names:
        parts = name.split(".")
        found |= {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return {
        one for one in found if one in modules() and one != module and not is_above(one, module)
    }


def is_above(package: str, module: str) -> bool:
    return module.startswith(f"{package}.")


@pytest.mark.parametrize("package", sorted(FOLDERS))
def test_no_private_module_is_imported_from_another_package(package: str) -> None:
    known = frozenset(modules())
    wrong = [
        f"{module} imports {name}"
        for module, path in files_of(package)
        for name in sorted(imported(path.read_text(encoding="utf-8"), known))
        if private_to_another(name, package_of(module, path))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_goes_round_in_a_circle_the_lazy_ones_included() -> None:
    known = frozenset(modules())
    imports = {
        module: with_parents(module, imported(path.read_text(encoding="utf-8"), known))
        for module, path in modules().items()
    }
    found = circle(imports)
    assert not found, " -> ".join(found)


@pytest.mark.parametrize(
    ("name", "package", "is_wrong"),
    [
        ("downcore.sources._readers", "downcore.sources", False),
        ("downcore.sources._readers", "downcore.sources.formats", True),
        ("downcore.sources._readers", "downcore", True),
        ("downcore.sources._readers.tiff", "downcore.service", True),
        ("downcore.sources.__init__", "downcore.service", False),
    ],
)
def test_a_private_module_belongs_to_its_own_package_alone(
    name: str, package: str, *, is_wrong: bool
) -> None:
    assert private_to_another(name, package) is is_wrong


def test_a_circle_is_found_wherever_it_begins() -> None:
    assert circle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
