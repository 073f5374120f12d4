"""Names of things that the pictures never show, for questions that take them for granted: the answer repeats the name that was asked for.

Asked about beside plain shapes and text, and beside drawings of quite other things: never a raven beside a bird. A tenth, by hash, is never
asked about in training.
"""
from world import share

WORDS = {
    "part": """roof wall floor ceiling chimney wheel tire engine handle lid button screen wing tail leg foot finger head neck hair beard fur feather beak claw
        paw hoof fin shoulder knee elbow stomach chest sleeve pocket collar zipper shoelace buckle strap petal stem branch trunk root seed peel bark blade
        string pedal headlight bumper windshield seat mast sail chain deck hull rudder propeller cockpit antenna cable plug socket lens shutter keyhole hinge
        drawer shelf pillow mattress blanket curtain carpet rug stairs railing balcony porch gate fence garage driveway gutter brick tile spout lampshade""",
    "beast": """platypus hyena weasel otter ferret meerkat armadillo anteater walrus narwhal manatee stingray eel salmon tuna herring oyster mussel raven crow
        magpie seagull pelican stork heron ostrich vulture woodpecker sparrow robin canary kingfisher hummingbird puffin toucan caterpillar centipede termite
        moth firefly grasshopper locust earthworm leech slug newt salamander iguana gecko chameleon cobra viper tadpole""",
    "food": """spinach kale celery radish turnip parsnip lentil rhubarb apricot fig pomegranate raspberry blackberry cranberry gooseberry quince guava durian
        lychee omelet porridge lasagna risotto paella kebab falafel sausage mustard ketchup vinegar marmalade pudding custard jelly meringue lemonade cider
        whiskey espresso fern ivy moss bamboo willow oak maple birch cedar orchid violet lilac lavender thistle""",
    "ware": """escalator elevator submarine bridge tunnel subway tram trolley bulldozer excavator tractor forklift crane trailer caravan hovercraft kayak
        gondola raft catamaran zeppelin satellite windmill greenhouse barn stable cottage skyscraper stadium theater museum library pharmacy supermarket
        restaurant swing seesaw trampoline hammock sofa armchair bench stool wardrobe cupboard bookcase dishwasher refrigerator freezer oven stove toaster
        blender kettle microwave vacuum mop chisel pliers crowbar wheelbarrow rake hoe lawnmower sprinkler scarecrow beehive aquarium birdcage kennel leash
        saddle bridle stirrup carriage chariot catapult spear throne scepter tapestry easel sculpture obelisk pier buoy oar paddle snorkel surfboard wetsuit
        parachute stretcher crutch thermostat radiator furnace faucet sink towel toothbrush comb razor perfume lipstick necklace bracelet earring brooch veil
        apron tuxedo poncho turban mitten parasol binoculars abacus calculator typewriter projector jukebox harmonica tuba oboe clarinet harp cello
        xylophone tambourine glacier canyon waterfall harbor swamp meadow reef lagoon geyser avalanche hurricane comet galaxy"""}
CREATURES = {"animal", "imaginary creature", "cartoon character", "character", "person", "toy", "symbol", "body part"}
EDIBLE = {"fruit", "vegetable", "food", "sweet food", "packaged food", "drink", "plant", "flower", "kitchen item", "party item", "nature", "container"}
PLAIN = {"animal", "fruit", "vegetable", "sweet food"}


def beside(group, category):
    """may a word of the group be asked about where something of the category is drawn"""
    if group == "part":
        return False
    return category in PLAIN if group == "ware" else category not in (CREATURES if group == "beast" else EDIBLE)


def held_noun(word):
    return share(word, "noun:") < 0.10


def absent_words(vocabulary, held):
    """{group: words} without names of drawings and other words for them"""
    known = {w for n in vocabulary.names for phrase in [n.name, n.plural] + n.aliases for w in [phrase] + phrase.split()} | set(vocabulary.shapes)
    return {g: sorted({w for w in text.split() if w not in known and held_noun(w) == held}) for g, text in WORDS.items()}
