"""What a picture shows, as data: the description that the renderer draws and that questions, answers and the checker read.

Coordinates are pixels of the 224 x 224 picture the model sees. `canvas` is the part the picture fills (the rest is letterbox grey).
"""
import copy
from dataclasses import dataclass, field

SIDE = 224.0


@dataclass(slots=True)
class Thing:
    """a drawing or a plain shape"""
    name: str
    cls: int
    is_shape: bool
    colour: str | None            # None: no single colour a person would name
    rgb: tuple = (0.0, 0.0, 0.0)  # of a shape
    rgb2: tuple = (0.0, 0.0, 0.0)
    style: int = 0                # of a shape: SHAPE_STYLES; of a drawing: 0 as it is, 1 lines, 2 few tones
    picture: int = 0              # sprite number, or shape number
    effect: str = ""              # of a drawing: "", gray, hue, lines, tones, jitter, ink, pencil, silhouette, wild
    effect_value: float = 0.0
    x: float = 0.0
    y: float = 0.0
    size: float = 0.0             # longer side
    w: float = 0.0
    h: float = 0.0
    turn: float = 0.0
    flip: bool = False
    quarter: int = 0              # quarter turns of a shape (arrows, bars)
    stretch: float = 1.0
    soft: int = 0                 # of a drawing: -1 from a sharpened copy, 1 from a small one
    slant: float = 0.0            # how far its top is moved to the side, as part of its height
    rim: tuple | None = None      # colour around its outline, thickness as part of the size


@dataclass(slots=True)
class Word:
    """one line of text; `text` is as drawn, answers spell it in capitals"""
    text: str
    font: int
    x: float
    y: float
    w: float
    cap: float                    # height of a capital letter
    rgb: tuple
    colour: str | None
    plate: tuple | None = None    # colour of the plate behind it
    plate_colour: str | None = None
    round_plate: bool = False
    turn: float = 0.0

    @property
    def h(self):
        return self.cap * 1.5


@dataclass(slots=True)
class Photo:
    picture: int
    name: str                     # None in the description of a backdrop nobody is asked about
    cls: int
    x: float
    y: float
    w: float
    h: float
    flip: bool = False
    turn: float = 0.0
    level: int = 0                # > 0: a small copy, which looks blurred
    labelled: bool = True
    shade: float = 0.0            # > 0: light and colour changed a little; 2: grey
    covers: tuple = ()            # what covers parts of it: x, y, width, height, colour


@dataclass(slots=True)
class Background:
    kind: str = "solid"
    colour: str | None = None     # a name only where a person would give it for the whole background
    c1: tuple = (1.0, 1.0, 1.0)
    c2: tuple = (1.0, 1.0, 1.0)
    angle: float = 0.0
    period: float = 30.0
    phase: float = 0.0
    cx: float = 112.0
    cy: float = 112.0


@dataclass(slots=True)
class Scene:
    kind: str                     # drawings, shapes, sign, photo, collage, over, empty, unclear
    canvas: tuple = (0.0, 0.0, SIDE, SIDE)    # x, y, width, height
    background: Background = field(default_factory=Background)
    things: list = field(default_factory=list)
    words: list = field(default_factory=list)
    photos: list = field(default_factory=list)
    shadow: tuple | None = None   # dx, dy, darkness
    arrangement: str = "free"     # free, grid, row, groups, inside, page, large, counted
    fuzzy: bool = False           # drawn so that nobody can tell what it is
    frame: tuple | None = None    # width, colour of a border around the canvas

    def copy(self):
        return copy.deepcopy(self)


ZONE_EDGES = (0.36, 0.64, 0.42, 0.58)


def zone_of(scene, x, y):
    """'top left' ... 'center', or None near a border between zones"""
    cx, cy, cw, ch = scene.canvas
    low, high, mid0, mid1 = ZONE_EDGES

    def third(t):
        return -1 if t < low else 1 if t > high else 0 if mid0 < t < mid1 else None

    h, v = third((x - cx) / cw), third((y - cy) / ch)
    if h is None or v is None:
        return None
    vertical, horizontal = ("top", "", "bottom")[v + 1], ("left", "", "right")[h + 1]
    return (vertical + " " + horizontal).strip() or "center"
