"""In how many ways one drawing can look, in training: crisp or soft, slanted, with a rim, in pencil, as a silhouette, in other colours.

All of it is said with the numbers of a slot (which copy of the texture, an affine map, a colour matrix), so the kernels know nothing of it.
"""
import numpy as np

from slot_colours import IDENTITY, flat, grey, hue, tint

# names that their outline alone tells
OUTLINES = {n.strip() for n in """
    airplane, anchor, apple, axe, banana, bat, bell, bicycle, bird, boot, bottle, butterfly, cactus, camel, carrot, cat, chair, cow, crab, crocodile, deer,
    dinosaur, dog, dolphin, dragonfly, duck, eagle, elephant, fish, flamingo, fork and knife, giraffe, glass of wine, guitar, hammer, helicopter,
    high-heeled shoe, horse, kangaroo, key, ladder, leaf, lizard, lobster, moose, motorcycle, mushroom, octopus, palm tree, penguin, pear, pair of scissors,
    pineapple, rabbit, rhinoceros, rocket, rooster, sailboat, saxophone, scorpion, seahorse, shark, shovel, snail, snake, spider, spoon, squirrel,
    starfish, swan, teapot, tent, trophy, turtle, umbrella, unicorn, violin, whale, wheelchair, wrench, zebra""".split(",")}
# shapes and the drawings that may pass for one: "is it a circle?" of a clock has no right answer
PASS_FOR = {shape: frozenset(n.strip() for n in names.split(",")) for shape, names in {
    "circle": """alarm clock, apple, bagel, balloon, baseball, basketball, blueberries, bomb, bowl, bowling ball, cabbage, camera, chestnut, clock, coconut,
        coin, compass, cookie, crystal ball, daisy, dandelion, doughnut, drum, egg, eye, ferris wheel, flower, gear, globe, grapefruit, hibiscus,
        ladybug, lemon, lime, loudspeaker, magnifying glass, medal, melon, moon, nautilus, nectarine, olive, onion, orange, pancakes, passion fruit,
        peach, pie, pizza, planet, plum, pufferfish, pumpkin, ring, roll of toilet paper, rose, satsuma, shell, smiley face, soccer ball, stop sign,
        stopwatch, sun, sunflower, sushi, target, tennis ball, tomato, trilobite, volleyball, waffle, watch, watermelon, wheel, yarn, yin yang, yo-
        yo""",
    "oval": """american football, avocado, balloon, beetle, bread, chestnut, coconut, coin, computer mouse, cucumber, egg, eggplant, eye, fish, flying
        saucer, kiwi, ladybug, lemon, lime, mango, melon, olive, papaya, passion fruit, peanut, pear, pill, plum, potato, ring, shell, spoon,
        watermelon, whale""",
    "square": """book, box, bread, calendar, cheese, clock, computer, dice, floppy disk, gift, house, ice cube, note, printer, radio, sandwich, soap, sponge,
        television, waffle, window""",
    "rectangle": """accordion, bank, banknote, bar chart, battery, bed, book, box, brick, briefcase, bus, calendar, chocolate bar, clapper board, clipboard,
        computer, couch, crayon, credit card, dollar bill, door, envelope, factory, file folder, gas pump, gift, hospital, hotel, juice box,
        keyboard, ladder, laptop, mailbox, map, milk, newspaper, note, notebook, office building, pencil, phone, piano keyboard, printer, radio,
        roll of toilet paper, ruler, school, scroll, soap, suitcase, television, ticket, toolbox, traffic light, train, treasure chest, truck,
        window""",
    "triangle": """carrot, cheese, christmas tree, ice cream, metronome, mountain, pizza, pyramid, sailboat, strawberry, tent, tree, triangle ruler, volcano,
        watermelon""",
    "star": """christmas tree, daisy, flower, medal, snowflake, star, starfish, sun""",
    "heart": """apple, clover, heart, leaf, peach, strawberry""",
    "diamond": """crown, diamond, kite, ring""",
    "cross": """airplane, ambulance, church, dagger, hospital, pickaxe, syringe, wrench""",
    "arrow": """bow and arrow, christmas tree, compass, computer mouse, pencil, target""",
    "pentagon": """castle, church, diamond, house, school, shield, soccer ball, tent""",
    "hexagon": """diamond, gear, honey, soccer ball, stop sign, turtle, wheel"""}.items()}
NEWEST = (("pencil", 0.035), ("silhouette", 0.035), ("wild", 0.07))
INKS = ((0.0, 0.0, 0.0), (0.1, 0.1, 0.2), (0.25, 0.2, 0.15), (0.1, 0.15, 0.5), (0.5, 0.1, 0.1), (0.1, 0.35, 0.15))
SEEN = 0.3                      # so much darker or lighter than what is behind it
BUSY = ("stripes", "checker", "speckle", "rings", "dots", "blobs", "lines", "photo")


def may_pass_for(shape):
    """names of drawings that a person might call by the name of the shape"""
    return PASS_FOR.get(shape, frozenset())


def newest_effect(rng):
    """one of the newest effects, or None"""
    r = rng.random()
    for name, part in NEWEST:
        r -= part
        if r < 0:
            return name
    return None


def allowed(effect, name, keeps_hue):
    """the effect, or what is shown instead where it would hide what the thing is"""
    if effect == "silhouette" and name not in OUTLINES:
        return "pencil"
    return "" if effect == "wild" and keeps_hue else effect


def vary(t, rng):
    """sharpness, slant and rim of a drawing"""
    r = rng.random()
    t.soft = -1 if r < 0.62 else 1 if r < 0.72 else 0
    if rng.random() < 0.2:
        t.slant = rng.gauss(0, 0.08)
    if t.effect in ("", "jitter", "wild", "tones", "hue") and rng.random() < 0.16:
        rgb = rng.choice(((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), tuple(rng.random() for _ in range(3))))
        t.rim = rgb + (rng.uniform(0.008, 0.032),)
    if t.effect in ("pencil", "silhouette"):
        t.rgb, t.style = rng.choice(INKS), 1 if t.effect == "pencil" else 0


def wild(v):
    """another hue, more or less colour, darker or paler, from one number 0..1"""
    m = np.array(grey((v * 11.0 % 1.0) * 1.3 - 0.6)).reshape(4, 4) @ np.array(hue(v * 5.0 % 1.0)).reshape(4, 4)
    k = v * 17.0 % 1.0
    if k < 0.4:
        m[:3] *= 0.5 + k                              # darker
    elif k > 0.7:
        m[:3] *= 1.7 - k                              # paler: towards white
        m[:3, 3] += k - 0.7
    return tuple(m.reshape(-1))


def light(c):
    return 0.3 * c[0] + 0.59 * c[1] + 0.11 * c[2]


def ink(t, background):
    """the colour of lines or of a silhouette that is seen against all that is behind it, or None"""
    if background.kind == "photo":
        return None
    low, high = sorted((light(background.c1), light(background.c2)))
    pale = tuple(1.0 - 0.5 * x for x in t.rgb)
    dark_gap, pale_gap = low - light(t.rgb), light(pale) - high
    if max(dark_gap, pale_gap) < SEEN:
        return None
    return t.rgb if dark_gap >= pale_gap else pale


def matrix_of(t, background):
    """colour matrix of the newest effects; a silhouette that would not be seen is drawn in its colours"""
    if t.effect == "wild":
        return wild(t.effect_value)
    rgb = ink(t, background)
    if t.effect == "silhouette":
        return flat(rgb) if rgb else IDENTITY
    if rgb is None or background.kind in BUSY:        # bare lines would be lost
        return tint(t.rgb, (1.0, 1.0, 1.0))
    return (rgb[0], 0, 0, 0, rgb[1], 0, 0, 0, rgb[2], 0, 0, 0, 1, 0, 0, 0)
