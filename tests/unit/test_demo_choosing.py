"""The demo runs the bundles whose guard knows the core, and says why others do not answer."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from played_device import PX_PER_CM, DigestPredictor, core_lines

from downcore.demo.choosing import choose
from downcore.strata.depth import LineScale
from downcore.strata.windows import Window

SCALE = LineScale.of(PX_PER_CM)


def bundle(name: str, *, knows: bool, properties: str = "density ms") -> DigestPredictor:
    predictor = DigestPredictor(name, window=Window(1, 2, 1) if "window" in name else None)
    by_name = {output.property: output for output in predictor.manifest.outputs}
    by_name["vp"] = replace(by_name["density"], property="vp", unit="m/s")
    outputs = tuple(by_name[one] for one in properties.split())
    limit = 9.0 if knows else 1e-6
    predictor.manifest = replace(predictor.manifest, novelty_threshold=limit, outputs=outputs)
    return predictor


def opened(*bundles: DigestPredictor) -> Callable[[str], DigestPredictor]:
    known = {one.manifest.bundle_id: one for one in bundles}
    return known.__getitem__


@pytest.mark.parametrize("stranger", ["tile-stranger", "window-stranger"])
def test_a_bundle_that_does_not_know_the_core_is_not_run_and_its_reason_is_said(
    stranger: str,
) -> None:
    open_bundle = opened(bundle(stranger, knows=False), bundle("own", knows=True))

    found = choose([stranger, "own"], core_lines(), SCALE, open_bundle)

    assert found.names == ("own",)
    assert [name for name, _ in found.silent] == [stranger]
    assert "\n" not in found.sentence
    assert "bundle: own" in found.sentence
    assert f"{stranger} does not answer: unlike the training cores: novelty" in found.sentence


def test_a_bundle_that_knows_the_core_is_run_whatever_its_name() -> None:
    open_bundle = opened(bundle("window-stranger", knows=True), bundle("own", knows=True))

    found = choose(["window-stranger", "own"], core_lines(), SCALE, open_bundle)

    assert found.names == ("window-stranger",), "expected the first, and no second for the same"
    assert not found.silent


def test_where_no_bundle_knows_the_core_all_of_them_say_why() -> None:
    open_bundle = opened(bundle("b1", knows=False), bundle("b2", knows=False))

    found = choose(["b1", "b2"], core_lines(), SCALE, open_bundle)

    assert found.names == ()
    assert len(found.reasons) == 2
    assert found.sentence.startswith("no bundle")
