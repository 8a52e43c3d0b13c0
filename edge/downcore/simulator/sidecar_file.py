"""The XML that core loggers write beside an image."""

from xml.sax.saxutils import escape

from downcore.simulator.writing import ScanJob


def geotek_xml(job: ScanJob) -> bytes:
    """Return a Geotek sidecar of a section whose top is the core's top; cm and px/cm."""
    scale = float(job.px_per_cm)
    tags = {
        "image-type": "linescan",
        "coreID": job.name,
        "section-number": "1",
        "physical-width": f"{job.lines.n_across / scale:.3f}",
        "physical-height": f"{job.lines.n_lines / scale:.3f}",
        "physical-top": "0.000",
        "pixels-per-CM": f"{scale:.6g}",
        "pixel-width": str(job.lines.n_across),
        "scan-lines": str(job.lines.n_lines),
        "filename": f"{job.name}.tif",
    }
    # Geotek loggers write these blanks before the values.
    body = "".join(f"  <{tag}> {escape(text)}</{tag}>\n" for tag, text in tags.items())
    return f'<?xml version="1.0"?>\n<geotek-image>\n{body}</geotek-image>\n'.encode()
