"""The bundles that come with downcore, and those of the user's own."""

from importlib import resources
from pathlib import Path

from downcore.strata.errors import BundleError


def reference_bundles() -> dict[str, Path]:
    """Return the folders of the bundles that come with downcore, by name, sorted."""
    root = Path(str(resources.files("downcore.bundles")))
    found = sorted(p.parent for p in root.glob("*/manifest.json"))
    return {folder.name: folder for folder in found}


def find_bundle(name: str) -> Path:
    """
    Return the folder of the bundle that the settings call ``name``.

    A reference bundle's name comes first; anything else is a folder.

    Raises
    ------
    BundleError
        If it is neither; names the reference bundles there are.
    """
    known = reference_bundles()
    if name in known:
        return known[name]
    folder = Path(name).expanduser()
    if (folder / "manifest.json").is_file():
        return folder
    raise BundleError(
        f"expected a bundle, got {name!r}: neither a folder with a manifest.json nor one of "
        f"{', '.join(known) or 'the reference bundles (none is installed)'}"
    )
