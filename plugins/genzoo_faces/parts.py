"""What a face is made of, and what can be said of it. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

__all__ = [
    "ACCESSORIES",
    "ATTRIBUTES",
    "CLOTHING",
    "COLOURS",
    "EXCLUSIONS",
    "FACES",
    "FACIAL_HAIR",
    "FACTORS",
    "HAIR",
    "HEADS",
    "INKED",
    "MASKS",
    "SKIN",
    "TINTED",
    "Attribute",
]

HEADS = (
    "afro", "bob with bangs", "blunt bob", "bantu knots", "bun with bow", "high bun", "puffs", "cornrow ponytail",
    "braided ponytail", "shaggy dreads", "short dreads", "flat top", "high flat top", "top bun", "low bun", "side part",
    "beanie", "brimmed hat", "hijab", "long waves", "big afro", "long with bangs", "long curls", "short bob",
    "flipped ends", "shoulder length", "wavy bob", "curly ponytail", "layered", "long straight", "mohawk",
    "spiky mohawk", "no hair", "three hairs", "tuft at the back", "pompadour", "undercut", "undercut with waves",
    "tousled undercut", "crew cut", "short with parting", "short curls", "quiff", "short spikes", "turban",
    "long twists", "short twists",
)  # fmt: skip
"""Open Peeps' heads in the order of the sheet, by what one sees."""

FACES = (
    "angry with fang", "awe", "blank", "calm", "cheeky", "concerned", "afraid", "contempt", "cute", "driven", "eating",
    "explaining", "eyes closed", "shocked", "hectic", "loving laugh", "loving grin", "old", "rage", "serious", "smile",
    "big smile", "laughing tears", "gap-toothed smile", "solemn", "suspicious", "tired", "very angry",
)  # fmt: skip

FACIAL_HAIR = (
    "none", "chin strap", "trimmed beard", "bushy beard", "big beard", "tinted beard", "small goatee", "goatee",
    "thin moustache", "walrus moustache", "curled moustache", "wire moustache", "thick moustache", "short moustache",
    "wide moustache", "endless moustache", "tinted moustache",
)  # fmt: skip

MASKS = ("none", "medical mask", "respirator")

ACCESSORIES = (
    "none", "eyepatch", "large glasses", "round glasses", "browline glasses", "white glasses", "small glasses",
    "sunglasses", "browline sunglasses",
)  # fmt: skip

SKIN = {"pale": 0xFFDBB4, "light": 0xEDB98A, "tan": 0xD08B5B, "brown": 0xAE5D29, "dark": 0x694D3D}

CLOTHING = {
    "red": 0xE78276,
    "orange": 0xFFCF77,
    "yellow": 0xFDEA6B,
    "green": 0x78E185,
    "turquoise": 0x9DDADB,
    "blue": 0x8FA7DF,
    "pink": 0xE279C7,
}

HAIR = {
    "none": 0,  # never painted
    "black": 0x2C1B18,
    "silver": 0xE8E1E1,
    "platinum": 0xECDCBF,
    "golden": 0xD6B370,
    "pink": 0xF59797,
    "blond": 0xB58143,
    "auburn": 0xA55728,
    "brown": 0x724133,
    "dark brown": 0x4A312C,
    "red": 0xC93305,
}

FACTORS = {
    "head": HEADS,
    "face": FACES,
    "facial_hair": FACIAL_HAIR,
    "mask_kind": MASKS,
    "accessories": ACCESSORIES,
    "skin": tuple(SKIN),
    "clothing": tuple(CLOTHING),
    "hair": tuple(HAIR),
}
"""What a face is drawn from, in the order of its numbers, and what their values are called."""

COLOURS = ("skin", "clothing", "hair")
"""The factors that no line drawing shows."""

_BALD = {"no hair", "three hairs", "tuft at the back"}
_TINTED_HEADS = {
    "bob with bangs", "cornrow ponytail", "top bun", "low bun", "side part", "curly ponytail", "mohawk", "spiky mohawk",
    "tuft at the back", "quiff",
}  # fmt: skip
TINTED = {"head": frozenset(_TINTED_HEADS), "facial_hair": frozenset({"tinted beard", "tinted moustache"})}
"""What is painted in the colour of the hair; all other hair is drawn in black ink."""

INKED = {
    "head": frozenset(HEADS) - _TINTED_HEADS - _BALD - {"brimmed hat", "hijab", "turban"},
    "facial_hair": frozenset(FACIAL_HAIR) - TINTED["facial_hair"] - {"none"},
}
"""What has hair in ink."""


@dataclass(frozen=True)
class Attribute:
    """A question about a face whose answer is yes or no.

    Attributes:
        factor: what decides it.
        yes: the values of the factor that are a yes.
        doc: what one sees.
    """

    factor: str
    yes: frozenset[str]
    doc: str


_SMILES = {
    "awe", "calm", "cheeky", "contempt", "cute", "driven", "eating", "loving laugh", "loving grin", "smile",
    "big smile", "laughing tears", "gap-toothed smile",
}  # fmt: skip
_LONG = {
    "bob with bangs", "cornrow ponytail", "braided ponytail", "long waves", "big afro", "long with bangs", "long curls",
    "flipped ends", "shoulder length", "wavy bob", "curly ponytail", "layered", "long straight",
}  # fmt: skip
_SUNGLASSES = {"sunglasses", "browline sunglasses"}
_BEARDS = {"trimmed beard", "bushy beard", "big beard", "tinted beard", "small goatee", "goatee"}  # moustache included
_MOUSTACHES = {name for name in FACIAL_HAIR if name.endswith("moustache")}

ATTRIBUTES = {
    "smiling": Attribute("face", frozenset(_SMILES), "the corners of the mouth go up, and no mask hides them"),
    "glasses": Attribute(
        "accessories",
        frozenset(ACCESSORIES) - _SUNGLASSES - {"none", "eyepatch"},
        "glasses through which the eyes are seen",
    ),
    "sunglasses": Attribute("accessories", frozenset(_SUNGLASSES), "dark glasses"),
    "beard": Attribute("facial_hair", frozenset(_BEARDS | {"chin strap"}), "hair on the chin"),
    "moustache": Attribute("facial_hair", frozenset(_BEARDS | _MOUSTACHES), "hair on the upper lip"),
    "hat": Attribute("head", frozenset({"beanie", "brimmed hat"}), "a hat or a cap"),
    "bald": Attribute("head", frozenset(_BALD), "no hair on top of the head, or three"),
    "long_hair": Attribute("head", frozenset(_LONG), "hair that reaches the shoulders"),
    "headscarf": Attribute("head", frozenset({"hijab", "turban"}), "a head wrapped in cloth: hijab or turban"),
    "mask": Attribute("mask_kind", frozenset(MASKS) - {"none"}, "a mask over mouth and nose"),
}

_ON_THE_HEAD = ("hat", "bald", "long_hair", "headscarf")

EXCLUSIONS: tuple[dict[str, str], ...] = (
    {"glasses": "yes", "sunglasses": "yes"},
    *({one: "yes", other: "yes"} for one, other in combinations(_ON_THE_HEAD, 2)),
    *({"mask": "yes", hidden: "yes"} for hidden in ("smiling", "beard", "moustache")),
    *({shown: "yes", "hair": "none"} for shown in ("long_hair", "beard", "moustache")),
    {"hat": "no", "headscarf": "no", "bald": "no", "hair": "none"},
    {"beard": "no", "moustache": "no", "headscarf": "yes", "hair": "black"},
    *(
        {"moustache": "no", cover: "yes", "hair": colour}  # below a hat or a scarf, beards alone have a colour
        for cover in ("hat", "headscarf")
        for colour in HAIR
        if colour not in ("none", "black")
    ),
)
"""The attributes and colours of hair that no face has together; of every other combination of them there is a face."""
