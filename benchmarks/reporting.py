"""How every benchmark reports: a table on the terminal, flat JSON on request."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser that knows ``--json FILE``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write {metric: number} here")
    return parser


def report(title: str, metrics: Mapping[str, float], path: Path | None) -> None:
    """Print the metrics, one a line, and write them as JSON where ``path`` is given."""
    print(title)
    width = max(map(len, metrics))
    for name, value in metrics.items():
        print(f"  {name:{width}s}  {value:,.4g}")
    if path is not None:
        path.write_text(json.dumps(dict(metrics), indent=2) + "\n", encoding="utf-8")
