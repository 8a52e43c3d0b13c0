"""
What speaks against a scan's scale or side before its first row is made, as a question in words.

Everything here is a function of values that were found out before: no file and no store is read.
"""

import enum
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from downcore.strata.scan_claims import ScaleClaim, ScanClaims

MAX_IMAGE_CM = 30.0
"""Widest image of a core; counts where no sediment is found in its first centimetres."""

MIN_LENGTH_CM = 3.0
"""Shortest finished scan that is not asked about."""

JOINED_FROM = 30.0
"""Length over width from which a long image is a whole core joined of sections, not one of them."""

SIDES_SEEN_CM = 12.0
"""Widest image that may be wider than long where the liner shows at its left and right."""

SCALE_TOLERANCE = Fraction(1, 100)
TAG_TOLERANCE = Fraction(1, 10)
LENGTH_TOLERANCE = 0.1
LENGTH_TOLERANCE_CM = 3.0

SAME_WIDTH = 0.05
"""Share by which the pixel widths of scans of one scanner differ at most."""

OTHER_SCALE = 1.25
"""Ratio of scales from which a scan of the same pixel width as others was not scanned alike."""

OTHER_WIDTH = 1.4
"""Ratio of widths in centimetres, of image and sediment both, from which a core is another."""


class Cause(enum.StrEnum):
    """What gives rise to a question."""

    WIDTH = "width"
    """The core is wider or narrower than cores are."""
    SIDE = "side"
    """The image is wider than long for its top."""
    LENGTH = "length"
    """The section is longer or shorter than sections are, or than something says."""
    SCALE = "scale"
    """Sidecar, name or resolution tag say another scale."""
    TOP = "top"
    """Sidecar, orientation tag or label say that the top is elsewhere."""
    ASPECT = "aspect"
    """The file says that its pixels are not square."""
    OTHERS = "others"
    """Accepted scans of the same folder have the same pixels but another scale or width."""
    LEDGER = "ledger"
    """The length is that of another section of the core."""


@dataclass(frozen=True, slots=True)
class DoubtRules:
    """When a question is asked."""

    ask: bool = False
    """Whether any is."""
    min_width_cm: float = 2.0
    max_width_cm: float = 20.0
    """Widths of the sediment that are not asked about."""
    max_length_cm: float = 200.0
    """Longest section that is not asked about."""
    not_asked: frozenset[Cause] = frozenset()
    """Causes that are not asked about."""


NEVER_ASK = DoubtRules()
"""No question is asked."""


@dataclass(frozen=True, slots=True)
class SedimentSpan:
    """Where the sediment lies across the first slices that show it."""

    width_px: int
    """Widest extent in these slices."""
    has_sides: bool
    """Whether something else, such as the liner, shows at both sides of it."""


@dataclass(frozen=True, slots=True)
class OtherScan:
    """An accepted scan of the same folder, as the station knows it."""

    px_per_cm: Fraction
    n_across: int
    sediment_px: int | None
    """Width of its sediment; ``None`` where none was found."""


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """All that a question may rest on."""

    px_per_cm: Fraction
    top: str
    n_across: int
    n_lines: int | None
    """Scan lines of the whole; ``None`` while the file does not say."""
    span: SedimentSpan | None
    """``None`` where the first centimetres show no sediment."""
    claims: ScanClaims
    others: Sequence[OtherScan] = ()
    """The latest of the folder, in any order."""
    section: str = ""
    """Section within the core, as the ledger of depths has it."""
    ledger_cm: Sequence[tuple[str, float]] = ()
    """Sections of the core and their lengths, as the ledger of depths has them."""

    @property
    def image_cm(self) -> float:
        """Width of the image."""
        return self.n_across / float(self.px_per_cm)

    @property
    def length_cm(self) -> float | None:
        """Length of the image along the core; ``None`` while the file does not say."""
        return None if self.n_lines is None else self.n_lines / float(self.px_per_cm)

    @property
    def sediment_cm(self) -> float | None:
        """Width of the sediment; ``None`` where none was found."""
        return None if self.span is None else self.span.width_px / float(self.px_per_cm)


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that speaks against how a scan is read."""

    cause: Cause
    words: str
    """What was seen and what was expected."""
    px_per_cm: str = ""
    """The scale that would settle it, where that is known."""
    top: str = ""
    """The side that would settle it, where that is known."""


def doubts_of(facts: ScanFacts, rules: DoubtRules) -> tuple[Doubt, ...]:
    """Return what speaks against how a scan is read; nothing for a scan as any other."""
    if not rules.ask:
        return ()
    claims = facts.claims
    is_named = _is_among(facts.px_per_cm, claims.name_scales)
    # Where the file's own name says the same scale, it is right, though pixels may not be square.
    found = (
        *(() if is_named else _of_width(facts, rules)),
        *_of_side(facts),
        *(() if is_named else _of_usual_length(facts, rules)),
        *_of_said_length(facts),
        *_of_scale(facts),
        *_of_top(facts),
        *_of_aspect(facts),
        # A sidecar is of this very scan, and knows more than its neighbours.
        *(
            ()
            if is_named or _is_among(facts.px_per_cm, claims.sidecar_scales)
            else _of_others(facts)
        ),
        *_of_ledger(facts),
    )
    return tuple(doubt for doubt in found if doubt.cause not in rules.not_asked)


def question(doubts: Sequence[Doubt], name: str) -> str:
    """
    Return one question: what was seen, what was expected, and the two commands that answer it.

    Parameters
    ----------
    doubts : sequence of Doubt
        At least one.
    name : str
        What the commands call the scan.
    """
    name = shlex.quote(name)
    px_per_cm = next((one.px_per_cm for one in doubts if one.px_per_cm), "")
    top = next((one.top for one in doubts if one.top), "")
    options = [f"--px-per-cm {px_per_cm}"] if px_per_cm else []
    options += [f"--top {top}"] if top else []
    if not options:
        is_side = all(one.cause in (Cause.SIDE, Cause.TOP) for one in doubts)
        options = ["--top SIDE" if is_side else "--px-per-cm N"]
    commands = [f"`downcore redo {name} {' '.join(options)}`"]
    if any(one.cause is Cause.LEDGER for one in doubts):
        commands = [f"`downcore rename {name} SECTION`", *commands]
    return (
        f"{'; '.join(one.words for one in doubts)}. Is that right? "
        f"`downcore accept {name}` if so, else {' or '.join(commands)}"
    )


def _of_width(facts: ScanFacts, rules: DoubtRules) -> Iterator[Doubt]:
    sediment_cm, image_cm = facts.sediment_cm, facts.image_cm
    is_unknown = sediment_cm is None or image_cm < rules.min_width_cm
    what, seen_cm = ("image", image_cm) if is_unknown else ("sediment", sediment_cm or 0.0)
    max_cm = max(MAX_IMAGE_CM, rules.max_width_cm) if is_unknown else rules.max_width_cm
    if not rules.min_width_cm <= seen_cm <= max_cm:
        yield Doubt(
            Cause.WIDTH,
            f"at {_scale(facts.px_per_cm)} the {what} is {_cm(seen_cm)} wide, expected "
            f"{_cm(rules.min_width_cm)} to {_cm(max_cm)}",
        )


def _of_side(facts: ScanFacts) -> Iterator[Doubt]:
    if facts.n_lines is None or facts.n_across <= facts.n_lines:
        return
    if facts.span is not None and facts.span.has_sides and facts.image_cm <= SIDES_SEEN_CM:
        # A short piece of core whose liner shows at its sides lies as it should.
        return
    yield Doubt(
        Cause.SIDE,
        f"with the top {facts.top} the image is {_cm(facts.image_cm)} wide and "
        f"{_cm(facts.length_cm or 0.0)} long, expected longer than wide",
        top="left" if facts.top == "up" else "up",
    )


def _of_usual_length(facts: ScanFacts, rules: DoubtRules) -> Iterator[Doubt]:
    length_cm = facts.length_cm
    if length_cm is None or facts.n_lines is None:
        return
    is_joined = facts.n_lines >= JOINED_FROM * facts.n_across
    if length_cm < MIN_LENGTH_CM or (length_cm > rules.max_length_cm and not is_joined):
        yield Doubt(
            Cause.LENGTH,
            f"at {_scale(facts.px_per_cm)} the section is {_cm(length_cm)} long, expected "
            f"{_cm(MIN_LENGTH_CM)} to {_cm(rules.max_length_cm)}",
        )


def _of_said_length(facts: ScanFacts) -> Iterator[Doubt]:
    length_cm = facts.length_cm
    for claim in facts.claims.lengths:
        if length_cm is not None and not _is_length(length_cm, claim.length_cm):
            yield Doubt(
                Cause.LENGTH,
                f"at {_scale(facts.px_per_cm)} the section is {_cm(length_cm)} long, "
                f"{claim.where} says {_cm(claim.length_cm)}",
            )


def _of_scale(facts: ScanFacts) -> Iterator[Doubt]:
    claims = facts.claims
    said = (*claims.sidecar_scales, *claims.name_scales)
    for claim in said:
        if not _is_near(facts.px_per_cm, claim.px_per_cm):
            yield Doubt(
                Cause.SCALE,
                f"{_says(claims.scale_from)} {_scale(facts.px_per_cm)}, {claim.where} says "
                f"{_scale(claim.px_per_cm)}",
                px_per_cm=_number(claim.px_per_cm),
            )
    tag, is_confirmed = claims.tag_px_per_cm, _is_among(facts.px_per_cm, said)
    if tag is not None and not is_confirmed and not _is_near(facts.px_per_cm, tag, TAG_TOLERANCE):
        yield Doubt(
            Cause.SCALE,
            f"{_says(claims.scale_from)} {_scale(facts.px_per_cm)}, the file's resolution tag says "
            f"{_scale(tag)}",
            px_per_cm=_number(tag),
        )


def _of_top(facts: ScanFacts) -> Iterator[Doubt]:
    claims = facts.claims
    for claim in claims.tops:
        if claim.top != facts.top:
            yield Doubt(
                Cause.TOP,
                f"{_says(claims.top_from)} that the top is {facts.top}, {claim.where} says "
                f"{claim.top}",
                top=claim.top if claim.top in ("up", "left", "right") else "",
            )
    for where, label in claims.upside_down:
        yield Doubt(Cause.TOP, f"{where} says {label!r}, expected a core whose top is {facts.top}")


def _of_aspect(facts: ScanFacts) -> Iterator[Doubt]:
    aspect = facts.claims.pixel_aspect
    if aspect is not None and not _is_near(aspect, Fraction(1)):
        yield Doubt(
            Cause.ASPECT,
            f"the file says that its pixels are {float(aspect):.3g} times as wide as long, "
            "expected square ones",
        )


def _of_others(facts: ScanFacts) -> Iterator[Doubt]:
    alike = [one for one in facts.others if abs(one.n_across / facts.n_across - 1.0) <= SAME_WIDTH]
    if alike:
        usual = _middle(one.px_per_cm for one in alike)
        if _ratio(float(usual), float(facts.px_per_cm)) >= OTHER_SCALE:
            yield Doubt(
                Cause.OTHERS,
                f"{len(alike)} accepted scans of this folder have as many pixels across and "
                f"{_scale(usual)}, this one {_scale(facts.px_per_cm)}",
                px_per_cm=_number(usual),
            )
        return
    known = [one for one in facts.others if one.sediment_px is not None]
    if not known or facts.sediment_cm is None:
        return
    usual_image_cm = median(one.n_across / float(one.px_per_cm) for one in known)
    usual_cm = median((one.sediment_px or 0) / float(one.px_per_cm) for one in known)
    is_other = _ratio(usual_image_cm, facts.image_cm) >= OTHER_WIDTH
    if is_other and _ratio(usual_cm, facts.sediment_cm) >= OTHER_WIDTH:
        yield Doubt(
            Cause.OTHERS,
            f"at {_scale(facts.px_per_cm)} the sediment is {_cm(facts.sediment_cm)} wide, in "
            f"{len(known)} accepted scans of this folder {_cm(usual_cm)}",
        )


def _of_ledger(facts: ScanFacts) -> Iterator[Doubt]:
    length_cm, ledger = facts.length_cm, dict(facts.ledger_cm)
    own_cm = ledger.get(facts.section)
    if length_cm is None or own_cm is None or _is_length(length_cm, own_cm):
        return
    like = [name for name, cm in ledger.items() if _is_length(length_cm, cm)]
    names = " or ".join(filter(None, (", ".join(like[:-1]), *like[-1:])))
    also = f", as section {names} is" if like else ""
    yield Doubt(
        Cause.LEDGER,
        f"section {facts.section} is {_cm(own_cm)} long in the depth ledger, this scan "
        f"{_cm(length_cm)}{also}",
    )


def _is_among(px_per_cm: Fraction, claims: Iterable[ScaleClaim]) -> bool:
    return any(_is_near(px_per_cm, claim.px_per_cm) for claim in claims)


def _is_length(length_cm: float, known_cm: float) -> bool:
    return abs(length_cm - known_cm) <= max(LENGTH_TOLERANCE * known_cm, LENGTH_TOLERANCE_CM)


def _is_near(one: Fraction, other: Fraction, tolerance: Fraction = SCALE_TOLERANCE) -> bool:
    return abs(one - other) <= tolerance * other


def _ratio(one: float, other: float) -> float:
    """Return how many times the larger is the smaller."""
    return max(one, other) / max(min(one, other), 1e-9)


def _middle(numbers: Iterable[Fraction]) -> Fraction:
    """Return the median, the lower of two, so that it is one of the numbers."""
    inorder = sorted(numbers)
    return inorder[(len(inorder) - 1) // 2]


def _says(where: str) -> str:
    return {
        "settings": "the settings say",
        "correction": "a person said",
        "format": "the format says",
    }.get(where, f"{where} says")


def _scale(px_per_cm: Fraction) -> str:
    return f"{float(px_per_cm):.4g} px/cm"


def _number(px_per_cm: Fraction) -> str:
    """Return a scale as a command takes it."""
    text = f"{float(px_per_cm):.6f}".rstrip("0").rstrip(".")
    return text if Fraction(text) == px_per_cm else str(px_per_cm)


def _cm(length_cm: float) -> str:
    return f"{length_cm:.3g} cm"
