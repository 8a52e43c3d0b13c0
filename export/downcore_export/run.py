"""An export from the command line: checkpoint, cores, bundle, golden test."""

from dataclasses import dataclass
from pathlib import Path

import platformdirs
from rich.console import Console

from downcore.inference.device import usable_cpus
from downcore.inference.golden_test import start_predictor
from downcore.inference.loading import load_bundle
from downcore_export.bench_rows import read_bench
from downcore_export.bundling import Written, refuse_filled, write_bundle
from downcore_export.source import cores_of, read_source
from downcore_export.windows.bundling import write_window_bundle
from downcore_training.fitting.checkpoint import read
from downcore_training.progress import shown_report
from downcore_training.windows.recipe import KIND


@dataclass(frozen=True, slots=True)
class ExportFiles:
    """Where an export reads and writes."""

    checkpoint: Path
    out: Path
    cache: Path | None
    """Folder of tiles once cut; ``None`` for the user's cache folder."""
    data: Path | None = None
    """Release that the network learned from; ``None`` for generated cores."""
    bench: tuple[Path, ...] = ()
    """Figures for the model card."""


def run_export(files: ExportFiles, *, with_fp32: bool) -> Written:
    """
    Export, load the result as a device does, and report on the terminal.

    Raises
    ------
    BundleError
        If the checkpoint cannot be used, no precision stays near enough the trained network,
        or the bundle fails its own golden test.
    SettingsError
        If the folder has something in it, or a file of figures cannot be read.
    """
    console = Console()
    refuse_filled(files.out)
    bench = [read_bench(path) for path in files.bench]
    content = read(files.checkpoint)
    cache = files.cache or Path(platformdirs.user_cache_dir("downcore")) / "training"
    with shown_report(console) as report:
        if content.get("kind") == KIND:
            written = write_window_bundle(content, files.data, files.out, report=report)
        else:
            source = read_source(files.checkpoint)
            sets = cores_of(
                source, cache, release=files.data, report=report, processes=usable_cpus()
            )
            written = write_bundle(
                source, sets, files.out, report=report, with_fp32=with_fp32, bench=bench
            )
    with start_predictor(load_bundle(files.out)):
        pass
    manifest = written.manifest
    console.print(
        f"wrote {files.out}: {manifest.title}, {manifest.precision}, "
        f"{written.n_bytes / 1e6:.1f} MB, id {manifest.bundle_id}; golden test passed; "
        f"read {files.out / 'card.md'}",
        soft_wrap=True,
        highlight=False,
    )
    return written
