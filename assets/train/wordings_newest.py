"""More wordings, as newcomers write; for training only: the sets for evaluation draw from the tables of wordings.py, which stay what they were.

A fifth of them is held out by the same hash, and what says the same as a held-out wording of any family is left out too.
"""
import math

from wordings import HELD, KNOWN, TRAIN, bare, held

NEWEST_TEXT = {
    "exist": "Is there {a} in this?|Is there some {n} here?|Find {a}. Is there one?|Can you find me {a}?|Is there {a} to be seen?"
        "|Does this {img} have {a} in it?|Does the {img} include {a}?|Is {a} to be found here?|Do you happen to see {a}?"
        "|I am looking for {a}. Is there one?|Look for {a}. Is it there?|Would you find {a} in this {img}?|Is there {a} among these things?"
        "|Is {a} one of the things?|There is {a} here, isn't there?|Can {a} be found in the {img}?|Is it possible to see {a}?|Has the {img} got {a}?"
        "|Have you found {a}?|See {a}?|Is there also {a}?|Does anything here look like {a}?|Am I looking at {a}, among others?",
    "exist_pl": "Are there some {pl} in this?|Does this {img} have any {pl} in it?|Is it possible to see {pl}?|Have you found any {pl}?|See any {pl}?"
        "|Are {pl} to be found here?|Has the {img} got {pl}?|Are there {pl} to be seen?|Do you happen to see any {pl}?|Are any of these {pl}?"
        "|I am looking for {pl}. Are there any?|Got any {pl}?",
    "exist_mass": "Is there some {n} in this?|Does this {img} have {n} in it?|Is {n} to be found here?|Do you happen to see {n}?|See any {n}?"
        "|Can {n} be found in the {img}?|Has the {img} got {n}?|Have you found {n}?",
    "lack": "Is it right that there is no {n}?|Would it be right to say there is no {n}?|The {img} has no {n}, right?|Does the {img} have no {n}?"
        "|Is the {img} without {a}?|Is there no {n} to be found?|Is it a {img} without {pl}?|So there is no {n}?|Are {pl} missing?|Is {a} missing?"
        "|Am I right that there is no {n}?",
    "both": "Are {a} and {b} there, both of them?|Do you find {a} and also {b}?|Does the {img} have {a} and {b}?|Is there {a}, and {b} too?"
        "|Can you find {a} and {b}?|I need {a} and {b}. Are both there?|Does this contain {a} and {b}?",
    "either": "Do you find {a} or {b}?|Does the {img} have {a} or {b}?|I need {a} or {b}. Is there one of them?|Is one of them there, {a} or {b}?"
        "|Does this contain {a} or {b}?|Is at least one of them there: {a}, {b}?",
    "exist_rel": "Do you find {a} {rel} {b}?|Can {a} be seen {rel} {b}?|Look {rel} {b}. Is there {a}?|Does the {img} have {a} {rel} {b}?"
        "|Is some {n} {rel} {b}?|Could you find {a} {rel} {b}?|Is there one {n} {rel} {b}?",
    "name": "What's this thing?|What is this thing called?|What do you call this?|What would people call this?|Do you know this?|Do you know what this is?"
        "|What could this be?|What have we got here?|Guess what this is.|Take a guess: what is it?|What's that supposed to be?|What is this supposed to be?"
        "|What is it that you see?|What is pictured?|What is pictured here?|Which object is pictured?|Which object is this?|What's in here?"
        "|What's this in the {img}?|What am I showing you?|What do I show you?|Look at this. What is it?|Have a look. What is it?|Can you name this?"
        "|Could you name it?|Can you say what it is?|Please identify this.|Identify this object.|What is the name of this thing?|How would you call it?"
        "|What object do you recognize?|What's your guess?|In a word, what is this?|What's the thing in this {img}?|What's the main thing?"
        "|Say the name of this thing.|Tell me, what is it?|What did I take a picture of?|What is this an image of?|What is this a picture of?",
    "name_all": "What have we got here?|What's in here?|What is drawn here?|What is pictured here?|What is it that you see?|What did I draw?"
        "|What did they draw?|What am I showing you?",
    "list_one": "Which object is pictured?|List what is drawn here.|Which things are pictured?",
    "name_zone": "What's to be seen in {z}?|What can you find in {z}?|Look at {z}. What do you see?|What's placed in {z}?|Which thing do you see in {z}?"
        "|Which object do you find in {z}?|And in {z}, what is there?|What have we got in {z}?|In {z} there is what?|What is pictured in {z}?"
        "|Can you name the thing in {z}?|What is sitting in {z}?|Identify the object in {z}.|Say what is in {z}.|What stands in {z}?|What's over in {z}?",
    "biggest": "What is the biggest one?|Which of these is the biggest?|Which of them is the largest?|Name the biggest of these."
        "|What takes up the most room?|Can you name the largest thing?|Of all things, which is the biggest?",
    "smallest": "What is the smallest one?|Which of these is the smallest?|Which of them is the smallest?|Name the smallest of these."
        "|What takes up the least room?|Can you name the smallest thing?|Of all things, which is the smallest?",
    "leftmost": "What is the first thing from the left?|Which of these is the leftmost?|What stands at the far left?|What's farthest left?"
        "|Which object is the most to the left?",
    "rightmost": "What is the first thing from the right?|Which of these is the rightmost?|What stands at the far right?|What's farthest right?"
        "|Which object is the most to the right?",
    "highest": "What's highest up?|Which of these is the highest?|What stands highest?|Which object is the most to the top?",
    "lowest": "What's lowest down?|Which of these is the lowest?|What stands lowest?|Which object is the most to the bottom?",
    "kind": "Which {n} did I draw?|What {n} is pictured?|Name this {n}.|Can you name the {n}?|What is the {n} called?|What {n} have we got here?"
        "|Do you know this {n}?|Identify the {n}.|Say which {n} it is.|What's the name of the {n}?",
    "colour": "What's the {n}'s colour?|What color would you say the {n} is?|Which color is the {n} in?|In what color is the {n} drawn?"
        "|In which color is the {n} shown?|The {n} is what color?|Can you tell the color of the {n}?|Do you know the color of the {n}?"
        "|What color did they give the {n}?|What color is this {n}?|I want to know the color of the {n}.|What color is that {n}?|Color of that {n}?"
        "|And what color is the {n}?|What color has the {n} got?",
    "colour_is": "The {n} is {c}, isn't it?|Is this {n} {c}?|Is that {n} {c}?|Would you call the {n} {c}?|Is the color of this {n} {c}?"
        "|Is the {n} of {c} color?|Did they draw the {n} in {c}?|So the {n} is {c}?",
    "colour_choice": "Would you call the {n} {c} or {d}?|Is this {n} {c} or {d}?|What color is the {n}: {c} or {d}?|Is that {n} {c} or {d}?",
    "shape_is": "Would you call the {c} shape {a}?|The {c} shape is {a}, isn't it?|Is this {c} shape {a}?|So the {c} shape is {a}?|Is the {c} one {a}?",
    "count_is": "There are {k} {pl}, aren't there?|Do you find {k} {pl}?|Would you say there are {k} {pl}?|Does this have {k} {pl}?|So there are {k} {pl}?"
        "|Can I see {k} {pl}?",
    "count_exact": "Is {k} the number of {pl}?|Is it exactly {k} {pl}?|Does the {img} have exactly {k} {pl}?|So there are exactly {k} {pl}?"
        "|Is the count of {pl} {k}?",
    "is_this": "Is that {a}?|Would you call this {a}?|Does this look like {a}?|Did I draw {a}?|Is it {a} that you see?|This is {a}, isn't it?"
        "|Am I right that this is {a}?|Is {a} what you see?|Is it {a}, would you say?|Is this supposed to be {a}?",
    "shape": "What's this shape called?|Which shape did I draw?|What shape would you call this?|Do you know this shape?|What's the name of this shape?"
        "|Identify the shape.|Which geometric shape is this?|What form does it have?|What shape has it got?",
    "only_colour": "What color would you call this?|Which color did I use?|What color do you see here?|What's this color?|What color is the thing?"
        "|Which color is shown?|What's the name of the color?",
    "shape_colour": "What is the {c} one called?|Which shape did I draw in {c}?|What's the shape of the {c} one?|The {c} one is what shape?"
        "|What form is the {c} thing?|What shape has the {c} object?|Which shape do you see in {c}?",
    "count": "How many {pl} have we got?|How many {pl} did I draw?|How many {pl} can you find?|What's the count of {pl}?|Can you count the {pl} for me?"
        "|Count the {pl} for me.|Please count the {pl}.|How many {pl} exist here?|How many {pl} do we have?|How many {pl} are drawn?|The {pl}: how many?"
        "|{pl}: how many are there?|What number of {pl} do you see?|How many {pl} in total?|How many {pl} in this {img}?|How many {pl} have you found?"
        "|I want to know how many {pl} there are.|How many {pl} does the {img} have?|Give me the count of {pl}.|How many {pl} are here in all?"
        "|How many {pl} altogether?|How often do you see {pl}?",
    "where": "Where do I find the {n}?|Where did they put the {n}?|Where's the {n} in this {img}?|In which place is the {n}?|On which side is the {n}?"
        "|In what part is the {n}?|Do you know where the {n} is?|Whereabouts is the {n}?|Where would I find the {n}?"
        "|In which part of this {img} is the {n}?|Where has the {n} gone?|Please find the {n}.|I am looking for the {n}. Where is it?"
        "|At which place is the {n}?|Where should I look for the {n}?|Point out the {n}.",
    "in_zone": "The {n} is in {z}, isn't it?|Do you find the {n} in {z}?|Did they put the {n} in {z}?|Is {z} where the {n} is?|Is this {n} in {z}?"
        "|So the {n} is in {z}?|Look at {z}. Is the {n} there?",
    "rel_yn": "{X} is {rel} {y}, isn't it?|Do you find {x} {rel} {y}?|Did they put {x} {rel} {y}?|So {x} is {rel} {y}?|Does {x} stand {rel} {y}?"
        "|Look {rel} {y}. Is {x} there?|Would I find {x} {rel} {y}?",
    "rel_what": "What do you find {rel} {y}?|Look {rel} {y}. What do you see?|What did they put {rel} {y}?|What's that {rel} {y}?"
        "|What have we got {rel} {y}?|Identify the object {rel} {y}.|Which object do you find {rel} {y}?|What is pictured {rel} {y}?"
        "|I want to know what is {rel} {y}.|Say what is {rel} {y}.|And what is {rel} {y}?|Which thing can be seen {rel} {y}?",
    "near": "What do you find next to {y}?|What's right beside {y}?|What is the neighbor of {y}?|Which thing is the closest to {y}?"
        "|What's the nearest thing to {y}?|Which object stands closest to {y}?|What did they put next to {y}?|Look next to {y}. What do you see?"
        "|What's near to {y}?|Which object is right beside {y}?|Say what is closest to {y}.|What is in the neighborhood of {y}?",
    "between": "What do you find between {x} and {y}?|What's that between {x} and {y}?|What did they put between {x} and {y}?"
        "|Look between {x} and {y}. What do you see?|Say what is between {x} and {y}.|Which thing can be seen between {x} and {y}?"
        "|What is in the space between {x} and {y}?|Which object stands between {x} and {y}?|What have we got between {x} and {y}?"
        "|In between {x} and {y}, what is there?",
    "more": "Do you find more {p} than {q}?|Have we got more {p} than {q}?|Would you say there are more {p} than {q}?|So there are more {p} than {q}?"
        "|Are the {p} more than the {q}?|Does the {img} have more {p} than {q}?",
    "fewer": "Do you find fewer {p} than {q}?|Have we got fewer {p} than {q}?|Would you say there are fewer {p} than {q}?|So there are fewer {p} than {q}?"
        "|Does the {img} have fewer {p} than {q}?|Are there less {p} than {q}?",
    "same": "Have we got as many {p} as {q}?|Do you find as many {p} as {q}?|Would you say there are as many {p} as {q}?"
        "|Does the {img} have as many {p} as {q}?|Are there just as many {p} as {q}?",
    "which_more": "Have we got more {p} or more {q}?|Do you find more {p} or {q}?|What do you see more of, {p} or {q}?|Does the {img} have more {p} or {q}?"
        "|What are there more of: {p} or {q}?|{P} or {q}: what is there more of?",
    "size_yn": "Would you say that {x} is {cmp} than {y}?|{X} is {cmp} than {y}, isn't it?|So {x} is {cmp} than {y}?|Does {x} look {cmp} than {y}?"
        "|Did they draw {x} {cmp} than {y}?|Compared with {y}, is {x} {cmp}?",
    "size_wh": "Which did they draw {cmp}, {x} or {y}?|Which looks {cmp}, {x} or {y}?|Of {x} and {y}, which one is {cmp}?"
        "|What would you say is {cmp}, {x} or {y}?|Compare {x} and {y}. Which is {cmp}?",
    "same_colour": "Did they draw {x} and {y} in the same color?|Would you say {x} and {y} have one color?|Have {x} and {y} got the same color?"
        "|So {x} and {y} are of one color?|Is the color of {x} the same as that of {y}?",
    "all_kind": "Are all of these the same kind of thing?|Is it only one kind of thing?|Did I draw only one kind of thing?"
        "|Have we got just one kind of thing?",
    "all_colour": "Did I draw them all in one color?|Have all shapes got the same color?|Is there only one color of shapes?",
    "all_shape": "Did I draw only one shape?|Have we got just one kind of shape?|Is there only one kind of shape?",
    "odd": "Which of these does not belong?|Which one doesn't fit in?|What's the odd one here?|Which of them is unlike the others?"
        "|Name the thing that does not fit.|Find the thing that is unlike the rest.|Which one is not like the rest?|What is not like the others?",
    "read": "What does it say here?|What does it say on the sign?|What does that say?|What is there on the sign?|What can you read?|What can you read here?"
        "|What's the text here?|What did they write?|What did I write?|Which words do you see?|Can you make out the text?|What stands on the sign?"
        "|What does this {img} say?|What does this sign say?|I can't read it. What does it say?|Could you read that for me?|Read this sign for me."
        "|Read that out to me.|What has somebody written here?|What's the inscription?|What is the inscription?|What text is on the sign?"
        "|What's the sign saying?|What text is it?|What does the board say?|Type out the text.|Write down the text.|Copy the text."
        "|What is the text on the sign?|Give me the words you see.|What words are on the sign?|Which text can you make out?|Do OCR on this.|OCR this."
        "|Give me the text.|What's it say?",
    "read_word": "Which word did I write?|What word can you make out?|What's the word here?|Which word is on the sign?|Spell the word for me."
        "|Write down the word.|What word did they write?",
    "read_number": "Which number did I write?|What number can you make out?|What's the number here?|Which number is on the sign?|Write down the number."
        "|What number did they write?",
    "read_letter": "Which letter did I write?|What letter can you make out?|What's the letter here?|Which letter is on the sign?|Write down the letter."
        "|What letter did they write?",
    "read_top": "What does it say in the first line?|What did they write at the top?|Give me the text of the top line.|What can you read at the top?"
        "|Write down the first line.",
    "read_bottom": "What does it say in the last line?|What did they write at the bottom?|Give me the text of the last line."
        "|What can you read at the bottom?|Write down the last line.",
    "spelled": "Did they write {w}?|Does this sign say {w}?|Have they written {w}?|So it says {w}?|Does it say {w} here?|Can you find the word {w}?"
        "|Is {w} what it says?|Would you read it as {w}?",
    "any_text": "Did they write anything?|Have you found any text?|Is there something to read here?|Does it say anything?|Are there letters in this {img}?"
        "|Can you find any text?|Is any word written here?",
    "text_colour": "What color did they write in?|Which color have the letters got?|In what color did they write it?|What's the color of the word?"
        "|The text is what color?|What color would you say the letters are?",
    "plate_colour": "What color did they paint the sign?|Which color has the sign got?|The sign is what color?|What color is it behind the letters?"
        "|What's the color of the board?",
    "hop_colour": "What's the color of the {t} that is {rel} {y}?|The {t} {rel} {y} is what color?|Look {rel} {y}. What color is the {t}?"
        "|Which color has the {t} {rel} {y}?",
    "hop_shape": "Look {rel} {y}. Which shape is it?|What's the shape that is {rel} {y}?|Which shape do you find {rel} {y}?",
    "hop_count": "Look {rel} {y}. How many objects are there?|How many objects do you find {rel} {y}?|How many things did they put {rel} {y}?"
        "|Can you count the things {rel} {y}?|How many things have we got {rel} {y}?",
    "hop_extreme": "The {sup} object is what color?|Which color has the {sup} thing?|Look at the {sup} object. What color is it?",
    "claim": "Somebody says: {s} Is that true or false?|I say: {s} True or false?|Would you say this is true or false? {s}|Judge this, true or false: {l}"
        "|Say true or false. {s}",
    "list": "Which things have you found?|What things can you find?|What have you found? Name everything.|Name whatever you see.|What are all these things?"
        "|Which things did I draw?|What did I draw? List it all.|What all is in the {img}?|What all can you see?|Give me everything you see."
        "|Give a list of what you see.|What's all there?|Count and name everything.|Name and count the things.|How many of what do you see?"
        "|Make an inventory.|List all that is there.|Say everything that you see.|Write down all objects.|Name each thing in this {img}."
        "|Which things are drawn here?",
    "caption": "What's going on here?|What is going on in this {img}?|What's happening here?|What's this {img} about?|Describe it.|Describe it to me."
        "|Please describe it.|Tell me about the {img}.|Tell me about this.|Say something about this {img}.|What do you make of this {img}?"
        "|Explain this {img}.|Explain what you see.|Describe this in one sentence.|Sum up what you see.|Say what this {img} shows."
        "|Tell me what this {img} shows.|Give me a short caption.|Write a title for this {img}.|Describe the {img} to somebody who can't see it."
        "|Say in words what is shown.|Describe what is in here.|Can you tell me what you see?|Write a line about this {img}.|Describe the contents."
        "|Describe the contents of this {img}.|What is in this {img}? Describe it.",
    "bg_colour": "What color is behind it?|What's the color behind everything?|Which color did they use for the background?|The background is what color?"
        "|What color has the background got?|In what color is the background?",
    "bg_pattern": "How would you describe the background?|What has the background got on it?|Say what the background looks like.",
    "photo_is": "Is that {a}?|Would you call this {a}?|Does this look like {a}?|Did I take a picture of {a}?|This is {a}, isn't it?"
        "|Am I right that this is {a}?|Is it {a} that you see?|Is {a} what you see?|Is {a} pictured?|Does this {img} show {a}?|Have you found {a}?"
        "|Can you make out {a}?|Is this {img} of {a}?|Is there {a} to be seen?",
    "choice": "Would you call this {a} or {b}?|Is that {a} or {b}?|Does this look like {a} or {b}?|What do you see: {a} or {b}?"
        "|{a} or {b}? What would you say?",
    "photo_kind": "What would you class this as?|Which group does this belong to?|What kind of object do you see?|To which kind of things does it belong?"
        "|In general, what kind of thing is it?",
    "medium_which": "Was this drawn or photographed?|Did somebody draw this or take a photo?|Is this {img} a photo or a drawing?",
    "medium_photo": "Did somebody take this with a camera?|Would you call this a photo?|Does this look like a photo?",
    "medium_drawing": "Did somebody draw this?|Would you call this a drawing?|Does this look like a drawing?",
    "photo_count": "How many photos have been put together?|How many photos can you count?",
    "so_many": "How many have you found?|How many of them can you count?|What's their count?|And their number?|How many of those do you see?",
    "it_where": "And where do you see it?|Where did they put it?|In which place is it?|On which side is it?|Whereabouts?|In what part is it?",
    "it_colour": "And in what color?|What's its color?|What color has it got?|And what's its colour?|Which color would you say it is?",
    "it_near": "What do you find next to it?|What's the nearest thing to it?|And what is right beside it?",
    "it_rel": "What do you find {rel} it?|And {rel} it, what is there?|What's that {rel} it?",
    "what_about": "And is there also {a}?|Have you found {a}, too?|And do you find {a}?",
    "it_is_colour": "Would you call it {c}?|It's {c}, isn't it?|Does it look {c}?|Did they draw it in {c}?|So it is {c}?",
    "it_is_a": "Would you call it {a}?|It's {a}, isn't it?|Does it look like {a}?|So it is {a}?|Is that thing {a}?|Could it be {a}?",
    "empty": "Did they leave it empty?|Have they drawn nothing?|So there is nothing in it?",
    "anything": "Have you found anything?|Did they draw anything?|Can you find anything in it?",
    "page_name": "What have we got here?|What's in here?|What am I showing you?",
    "bg_is": "Would you call the background {c}?|Did they make the background {c}?|So the background is {c}?",
    "colour_pl": "Which color have the {pl} got?|What color did they give the {pl}?|The {pl} are what color?|In what color are the {pl} drawn?"}


def added():
    """what is taught besides: not held out, new, and no other way to write what is held out"""
    hidden = {bare(t) for table in (HELD, {k: [t for t in v if held(t)] for k, v in NEWEST_TEXT_LISTS.items()}) for v in table.values() for t in v}
    return {k: [t for t in v if not held(t) and bare(t) not in hidden and t not in KNOWN[k]] for k, v in NEWEST_TEXT_LISTS.items()}


NEWEST_TEXT_LISTS = {k: list(dict.fromkeys(t.strip() for t in v.split("|") if t.strip())) for k, v in NEWEST_TEXT.items()}
ADDED = added()


def widened():
    """the wordings of training: a fifth to a third of the draws of a family fall on the newest ones"""
    out = {}
    for key, texts in TRAIN.items():
        new = ADDED.get(key, [])
        out[key] = texts + new * math.ceil(0.3 * len(texts) / max(1, len(new)))
    return out
