"""The small world of the built-in model: names, categories, colours, shapes, characters and what may be said about them.

Everything here is about language and truth, nothing about pixels. The list of names comes from the packed data (`names.json`, written by
pack.py); the rest are constants of this project.
"""
import hashlib

SHAPES = ["circle", "square", "triangle", "rectangle", "oval", "diamond", "pentagon", "hexagon", "star", "heart", "cross", "arrow"]
COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray", "teal"]
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NUMBERS = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"]

# hue in degrees, saturation and value ranges; wide, but no two names overlap
COLOUR_HSV = {
    "red": ((-8, 6), (0.72, 1.0), (0.66, 1.0)), "orange": ((22, 35), (0.8, 1.0), (0.9, 1.0)),
    "yellow": ((47, 60), (0.6, 1.0), (0.88, 1.0)), "green": ((90, 145), (0.5, 1.0), (0.38, 0.88)),
    "teal": ((171, 186), (0.7, 1.0), (0.40, 0.66)), "blue": ((208, 242), (0.6, 1.0), (0.55, 1.0)),
    "purple": ((266, 290), (0.5, 0.95), (0.45, 0.85)), "pink": ((322, 346), (0.28, 0.6), (0.94, 1.0)),
    "brown": ((16, 30), (0.55, 0.85), (0.30, 0.54)), "black": ((0, 360), (0.0, 0.3), (0.0, 0.12)),
    "white": ((0, 360), (0.0, 0.04), (0.94, 1.0)), "gray": ((0, 360), (0.0, 0.06), (0.42, 0.68)),
}
# pastel tones of the colours that keep their name (value, saturation): single shapes of other people are often pale
PASTEL = {"red": ((-4, 4), (0.52, 0.66), (0.86, 0.98)), "green": ((98, 140), (0.30, 0.48), (0.72, 0.90)),
          "blue": ((208, 236), (0.34, 0.56), (0.80, 0.98)), "yellow": ((50, 59), (0.45, 0.6), (0.92, 1.0)),
          "purple": ((268, 288), (0.34, 0.5), (0.72, 0.9)), "orange": ((25, 34), (0.62, 0.8), (0.93, 1.0)),
          "brown": ((18, 28), (0.45, 0.6), (0.42, 0.56)), "teal": ((173, 184), (0.5, 0.7), (0.5, 0.7)),
          "gray": ((0, 360), (0.0, 0.05), (0.5, 0.72)), "pink": ((324, 345), (0.2, 0.32), (0.96, 1.0))}

# names of the drawings whose first names differ from the list of names
RENAMED = {
    "rhino": "rhinoceros", "hippo": "hippopotamus", "blowfish": "pufferfish", "blueberry": "blueberries", "corn cob": "corn",
    "head of broccoli": "broccoli", "head of garlic": "garlic", "loaf of bread": "bread", "pancake": "pancakes",
    "piece of cheese": "cheese", "strip of bacon": "bacon", "burger": "hamburger", "box of fries": "french fries",
    "box of popcorn": "popcorn", "plate of spaghetti": "spaghetti", "piece of sushi": "sushi", "donut": "doughnut",
    "honey pot": "honey", "cup of tea": "cup of coffee", "beer": "mug of beer", "soda": "cup with a straw", "race car": "car",
    "ufo": "flying saucer", "flame": "fire", "water drop": "drop of water", "football": "american football", "dartboard": "target",
    "die": "dice", "ball of yarn": "yarn", "sock": "pair of socks", "high heel": "high-heeled shoe", "gem": "diamond",
    "pair of headphones": "headphones", "piano": "piano keyboard", "music note": "musical note", "open book": "book",
    "money bag": "bag of money", "folder": "file folder", "lock": "padlock", "sword": "dagger", "bow": "bow and arrow",
    "bar of soap": "soap", "spool of thread": "thread", "cherry": "pair of cherries", "poodle": "dog", "ram": "sheep",
    "maple leaf": "leaf", "cherry blossom": "flower", "pine tree": "tree",
}
SPOKEN = {"hamburger": ["burger"], "doughnut": ["donut"], "flying saucer": ["ufo"], "dagger": ["sword"], "musical note": ["music note"],
          "padlock": ["lock"], "rhinoceros": ["rhino"], "hippopotamus": ["hippo"], "diamond": ["gem"], "dice": ["die"],
          "american football": ["football"], "pufferfish": ["blowfish"], "mug of beer": ["beer"], "drop of water": ["water drop"]}

# categories a question may use, with plural
ASKED = {"animal": "animals", "fruit": "fruits", "vegetable": "vegetables", "vehicle": "vehicles", "plant": "plants",
         "flower": "flowers", "building": "buildings", "musical instrument": "musical instruments", "drink": "drinks",
         "piece of clothing": "pieces of clothing", "ball": "balls", "shape": "shapes"}
BALLS = {"soccer ball", "basketball", "baseball", "volleyball", "tennis ball", "bowling ball", "american football"}
UNSURE = {  # category -> names for which a person might say yes or no
    "fruit": {"tomato", "avocado", "olive", "coconut", "pumpkin", "cucumber", "eggplant", "bell pepper", "zucchini", "chili pepper", "corn"},
    "vegetable": {"tomato", "avocado", "olive", "pumpkin", "mushroom", "corn", "chestnut", "peanut", "garlic", "ginger"},
    "plant": {"mushroom", "leaf", "bouquet", "christmas tree", "pumpkin", "bonsai", "tomato", "rose"}, "flower": {"lotus", "bouquet", "flower", "water lily", "hibiscus", "rose", "tulip",
                                                            "sunflower", "potted plant", "seedling"},
    "animal": {"dinosaur", "unicorn", "dragon", "teddy bear", "snoopy", "garfield", "shell", "nautilus", "trilobite", "fried shrimp",
               "smiley face", "baby", "boy", "girl", "man", "woman", "hamburger", "nest", "piñata", "chicken leg", "steak", "computer mouse"},
    "vehicle": {"wheelchair", "inline skate", "roller skate", "skateboard", "sled", "kick scooter", "flying saucer", "shopping cart",
                "ferris wheel", "wheel", "ice skate", "stroller"},
    "building": {"statue", "tent", "pyramid", "minaret", "fountain", "lighthouse", "tower", "pagoda", "ferris wheel", "island"},
    "musical instrument": {"bell", "microphone", "gramophone", "metronome", "musical note", "radio", "brass horn", "megaphone"},
    "drink": {"teapot", "baby bottle", "ice cube", "juice", "milk", "oat milk", "soy milk", "sour milk", "bottle", "cup", "jug",
              "champagne bottle", "juice box", "coconut"},
    "piece of clothing": {"backpack", "purse", "handbag", "crown", "helmet", "ribbon", "ring", "pair of glasses", "pair of sunglasses",
                          "pair of goggles", "diving mask", "graduation cap", "shoe", "boot", "sneaker", "sandal", "high-heeled shoe",
                          "pair of shoes", "pair of ballet shoes", "boxing glove", "ice skate", "inline skate", "roller skate",
                          "pair of gloves", "watch", "umbrella", "hat", "cap", "top hat", "man", "woman", "boy", "girl", "santa"},
    "ball": {"globe", "planet", "moon", "yarn", "crystal ball", "circle", "doughnut", "orange", "light bulb", "sun"},
    "shape": {"star", "heart", "diamond", "ring", "snowflake", "sun", "moon", "cloud", "yin yang"},
}
# drawings that often carry letters or digits of their own: with them nobody is asked whether there is text
TEXTY = set("""calendar,stop sign,newspaper,banknote,dollar bill,bag of money,coin,scroll,note,bar chart,computer,alarm clock,clock,watch,stopwatch,police car,
ambulance,hospital,bank,hotel,school,taxi,bus,ticket,credit card,map,keyboard,medal,battery,gas pump,ruler,triangle ruler,laptop,television,radio,compass,book,
pile of books,notebook,envelope,mailbox,thermometer,juice box,game controller,phone,telephone,fire truck,american football,target,trophy,baby bottle,printer,
clapper board,floppy disk,file folder,milk,glass of milk,clipboard,fire extinguisher,toolbox,metronome""".replace("\n", "").split(","))
GROUPS = [  # names that are hard or wrong to tell apart: the absence of one is never asked where another of its group is drawn
    # "a:b,c": a may be said of b and of c, but b and c are told apart
    "dog,dalmatian", "dog,wolf", "wolf,fox", "car,taxi,police car", "car,pickup truck", "truck,pickup truck,fire truck", "ambulance,truck,police car,fire truck,bus",
    "bus,truck", "train,steam train", "train,bus",
    "boat,ship,sailboat,sailing ship,ferry,canoe,speedboat", "tree,palm tree,christmas tree,joshua tree,bonsai,broccoli,potted plant",
    "mouse,rat,hamster", "squirrel,chipmunk,beaver,hamster", "bear,polar bear,teddy bear", "bear,panda", "bear,koala,sloth", "panda,raccoon,badger", "mouse,computer mouse",
    "wild cat:leopard,tiger,cougar,cat,lion", "cougar,lion", "leopard,tiger", "chicken,rooster,chick,turkey", "chick,duck", "duck,swan,goose", "dove,pigeon",
    "bird:chicken,rooster,chick,turkey,duck,dove,eagle,pigeon,parrot,swan,goose,owl,penguin,flamingo,ibis,emu,peacock", "flamingo,ibis", "ibis,emu,goose,swan", "eagle,owl", "eagle,dove,pigeon",
    "orange,satsuma,grapefruit,nectarine,peach", "lemon,lime", "lemon,grapefruit", "apple,lime", "apple,nectarine,peach", "tomato,nectarine", "plum,nectarine,peach,passion fruit",
    "melon,watermelon", "milk,oat milk,soy milk,sour milk,juice,yogurt,oat yogurt,soy yogurt,sour cream,glass of milk,juice box",
    "shirt,t-shirt,long-sleeved top,jacket,coat,dress,skirt,kimono,bikini", "pair of pants,pair of jeans,pair of shorts",
    "shoe,sneaker,boot,pair of shoes,sandal,high-heeled shoe,pair of ballet shoes,ice skate,inline skate,roller skate",
    "flower:rose,tulip,sunflower,hibiscus,daisy,dandelion,lotus,water lily,bouquet,potted plant,seedling", "bouquet:rose,tulip,sunflower,hibiscus,daisy,potted plant",
    "lotus,water lily", "rose,hibiscus", "tulip,lotus", "daisy,sunflower", "daisy,dandelion", "potted plant,seedling", "leaf,clover,seedling,tree",
    "guitar,electric guitar,mandolin,banjo,violin", "piano keyboard,grand piano,keyboard", "trumpet,brass horn,saxophone,trombone",
    "pair of glasses,pair of sunglasses,pair of goggles,diving mask", "computer,laptop,television", "camera,video camera,movie camera",
    "phone,telephone", "clock,alarm clock,watch,stopwatch,compass", "book,notebook,pile of books,newspaper,note,scroll",
    "cup,cup of coffee,cup with a straw,mug of beer,teapot,bowl,jug,jar,vase", "glass of wine,cocktail,champagne bottle,bottle,baby bottle",
    "ribbon,bow and arrow,gift", "boy,girl,man,woman,baby,santa,clown,fairy,mermaid,smiley face", "horse,donkey,unicorn", "deer,antelope,moose", "okapi,zebra,antelope,deer", "horse,okapi",
    "cow,ox,bison,water buffalo", "boar,pig", "sheep,goat,llama", "llama,camel", "fish,pufferfish", "fish,shark", "shark,dolphin,whale,orca", "dolphin,seal,whale",
    "crab,lobster,crayfish,shrimp,fried shrimp,scorpion", "crab,spider,scorpion,tick", "dragonfly,mayfly,mosquito,butterfly",
    "bee,mosquito,mayfly", "bee,beetle,cricket,ladybug,cockroach,ant,tick", "spider,ant",
    "snail,shell,nautilus", "lizard,crocodile,dinosaur,dragon", "snake,dragon", "snake,lizard", "octopus,squid,jellyfish", "monkey,gorilla,orangutan",
    "wheelchair,chair", "motorcycle,scooter,bicycle,kick scooter", "lamp,lantern,candle,light bulb,flashlight,chandelier",
    "pencil,pen,crayon,paintbrush", "backpack,briefcase,suitcase,handbag,purse,shopping bags,bag of money", "hat,cap,top hat,helmet,graduation cap",
    "cake,cupcake,pie", "cookie,pancakes,waffle", "pie,pancakes,waffle", "bread,baguette,bagel,croissant,sandwich,pretzel", "house,castle,church,school,hospital,factory,bank,hotel,temple,mosque,office building,pagoda,minaret,building,tower",
    "planet,globe,moon", "sun,star", "sun,moon", "mountain,volcano,pyramid,island", "coin,medal,bag of money", "banknote,dollar bill", "knife,dagger,saw,fork and knife", "spoon,fork and knife",
    "hammer,axe,pickaxe", "wrench,screwdriver", "shovel,pickaxe", "doughnut,bagel", "trophy,medal,cup", "water pistol,revolver",
    "soap,sponge", "pair of cherries,cherry", "cucumber,zucchini,leek,asparagus", "onion,garlic", "ginger,potato", "onion,beetroot", "cabbage,head of lettuce,salad",
    "mango,papaya,passion fruit", "pear,avocado", "drop of water,fire", "magnifying glass,telescope,microscope", "toilet,bathtub", "microphone,megaphone,loudspeaker",
    "target,yo-yo", "kite,diamond", "ring,crown,diamond", "crystal ball,snowman",
    "boar,bear", "alien,ghost,robot,skull", "stop sign,traffic light", "pair of scissors,knife", "thread,yarn", "water drop,drop of water", "map,globe",
    "credit card,banknote,ticket", "statue,buddha statue", "wave,drop of water", "mushroom,umbrella", "hourglass,clock", "box,gift,treasure chest,toolbox",
]


def _confusion(groups):
    near = {}
    for line in groups:
        head, _, rest = line.rpartition(":")
        names = rest.split(",")
        for name in names:
            near.setdefault(name, set()).update([head] if head else [n for n in names if n != name])
        if head:
            near.setdefault(head, set()).update(names)
    return near


CONFUSED = _confusion(GROUPS)


class Name:
    """One thing that can be named: how it is written, and to which categories it belongs for sure, perhaps, or not."""
    __slots__ = ("name", "plural", "article", "countable", "category", "aliases", "sure", "unsure", "cls")

    def __init__(self, name, plural, article, category, aliases):
        self.name, self.plural, self.article, self.category = name, plural or name, article, category
        self.countable = bool(article) and plural is not None
        self.aliases = [a for a in aliases if a != name] + [a for a in SPOKEN.get(name, []) if a not in aliases]
        self.sure, self.unsure = categories_of(name, category)
        self.cls = 0

    @property
    def with_article(self):
        return (self.article + " " + self.name) if self.article else self.name


def categories_of(name, category):
    """(categories for sure, categories nobody should be asked about) of a name"""
    category = {"clothing": "piece of clothing", "instrument": "musical instrument"}.get(category, category)
    unsure = {c for c, names in UNSURE.items() if name in names}
    sure = {category} if category in ASKED else set()
    if category == "flower":
        sure.add("plant")
    if name in BALLS:
        sure.add("ball")
    if name in ("rose", "tulip", "sunflower", "hibiscus", "water lily", "lotus"):
        sure.add("plant")
        unsure = (unsure - {"plant"}) | {"flower"}
    if name in ("garfield", "snoopy"):
        unsure.add("animal")
    return frozenset(sure - unsure), frozenset(unsure)


def plural_of(name):
    """plural by rule, for the few names without an entry in names.json"""
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return {"man": "men", "woman": "women", "tooth": "teeth"}.get(name, name + "s")


def article_of(phrase):
    return "an" if phrase[0] in "aeiou" and not phrase.startswith(("uni", "uku")) else "a"


def with_article(phrase):
    return article_of(phrase) + " " + phrase


def sentence(text):
    return text[0].upper() + text[1:] + "."


def share(text, salt=""):
    """a number 0..1 that depends on the text alone: what decides hold-outs"""
    return int(hashlib.sha256((salt + text).encode()).hexdigest()[:8], 16) / 2.0 ** 32


def pair_held_out(colour, shape):
    """10 % of the colour-shape pairs are never drawn in training"""
    return share(colour + " " + shape, "pair:") < 0.10


def confusable(a, b):
    return b in CONFUSED.get(a, ())


class Vocabulary:
    """names with their class numbers: 0 background, then names, shapes, characters"""

    def __init__(self, entries):
        self.names = [Name(e["name"], e["plural"], e["article"], e["category"], e["aliases"]) for e in entries]
        self.by_name = {n.name: n for n in self.names}
        for i, n in enumerate(self.names):
            n.cls = 1 + i
        self.shape_cls = 1 + len(self.names)
        self.char_cls = self.shape_cls + len(SHAPES)
        self.num_classes = self.char_cls + len(CHARS)
        self.shapes = {}
        for k, s in enumerate(SHAPES):
            self.shapes[s] = Name(s, plural_of(s), article_of(s), "shape", [])
            self.shapes[s].sure, self.shapes[s].unsure = frozenset(["shape"]), frozenset()
            self.shapes[s].cls = self.shape_cls + k
        self.by_category = {}
        for n in self.names:
            self.by_category.setdefault(n.category, []).append(n)

    def alias_meanings(self, word):
        """all names a word may stand for"""
        return {n.name for n in self.names if n.name == word or word in n.aliases} | ({word} if word in self.shapes else set())
