"""Making a bundle of Segment Anything from the command line."""

from pathlib import Path

from downcore.inference.segment_anything.loading import load_segment_anything
from downcore.inference.segment_anything.network import SegmentAnythingNetwork
from downcore_export.segment_anything.bundling import BundleOptions, write_bundle
from downcore_export.segment_anything.checkpoint import read_checkpoint


def make_bundle(
    checkpoint: Path, out: Path, *, licence: str, side_px: int = 512, precision: str = "f32"
) -> str:
    """
    Make a bundle, load it as a device does, and return a sentence for the terminal.

    Raises
    ------
    BundleError
        If the checkpoint cannot be used, a graph does not compute what it does, or the bundle
        fails its own golden test.
    SettingsError
        If an option cannot be used or the folder has something in it.
    """
    options = BundleOptions(licence=licence, side_px=side_px, precision=precision)
    written = write_bundle(read_checkpoint(checkpoint), out, options)
    bundle = load_segment_anything(written)
    SegmentAnythingNetwork(bundle)
    n_bytes = sum(path.stat().st_size for path in written.iterdir())
    return (
        f"wrote {written}: {bundle.manifest.network}, {side_px} px, {precision}, "
        f"{n_bytes / 1e6:.1f} MB, id {bundle.bundle_id}, licence {bundle.manifest.licence}; "
        "golden test passed"
    )
