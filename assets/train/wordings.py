"""How questions are put into words. One fifth of the wordings, chosen by hash, is never used in training.

{a} a phrase with its article, {n} without, {pl} plural, {img} picture/image/..., {x} {y} two phrases with "the", {rel} a relation, {z} a place.
"""
import re

from wordings_more import MORE
from wordings_wide import WIDE
from world import share

IMG = ("image", "image", "picture", "picture", "photo", "scene")
RELATION = {"left": ("to the left of", "left of", "on the left of", "on the left side of"), "right": ("to the right of", "right of", "on the right of", "on the right side of"),
            "above": ("above", "above", "over", "higher than"), "below": ("below", "below", "under", "beneath", "lower than")}
DIRECT = {"left": ("directly to the left of", "immediately left of"), "right": ("directly to the right of", "immediately right of"),
          "above": ("directly above", "right above", "straight above"), "below": ("directly below", "right below", "straight below")}
ZONES = {"top left": ("the top left", "the top left corner", "the upper left", "the upper left corner"), "top": ("the top middle", "the top center"),
         "top right": ("the top right", "the top right corner", "the upper right", "the upper right corner"), "left": ("the middle left", "the center left"),
         "center": ("the center", "the middle", "the middle of the {img}", "the center of the {img}"), "right": ("the middle right", "the center right"),
         "bottom left": ("the bottom left", "the lower left", "the bottom left corner"), "bottom": ("the bottom middle", "the bottom center"),
         "bottom right": ("the bottom right", "the lower right", "the lower right corner", "the bottom right corner")}
ZONE_NAMES = list(ZONES)
HALVES = {"left": ("the left half", "the left photo", "the left picture"), "right": ("the right half", "the right photo", "the right picture"),
          "top": ("the top half", "the top photo", "the upper half"), "bottom": ("the bottom half", "the bottom photo", "the lower half")}

TEXT = {
    "exist": "Is there {a}?|Is there {a} in the {img}?|Do you see {a}?|Can you see {a}?|Does the {img} contain {a}?|Does the {img} show {a}?|Is {a} present?|Is there {a} here?|Can you find {a}?|Is {a} visible?|Is there {a} in this {img}?|Tell me if there is {a}.|Is {a} in the {img}?|Is {a} shown?|Does {a} appear in the {img}?|Does this {img} have {a} in it?|Can {a} be seen?",
    "exist_pl": "Are there any {pl}?|Are there any {pl} in the {img}?|Do you see any {pl}?|Any {pl} here?|Can you see any {pl}?|Are there {pl} in the {img}?|Does the {img} show any {pl}?|Are any {pl} visible?|Does the {img} contain {pl}?",
    "exist_mass": "Is there any {n}?|Is there {n} in the {img}?|Do you see any {n}?|Any {n} here?|Can you see {n}?|Does the {img} show {n}?",
    "lack": "Is there no {n}?|Is there no {n} in the {img}?|Is there not {a} in the {img}?|Is there not {a}?|Does the {img} not contain {a}?|Does the {img} not show {a}?|Is {a} not present?|Is {a} not in the {img}?|Is it true that there is no {n}?|Is the {img} without {a}?|Is there no {n} here?|Does this {img} contain no {n}?|Do you see no {n}?|Is {a} missing from the {img}?|Is no {n} present?|Does the {img} contain no {n}?|Is there no {n} present?|Does the {img} show no {n}?|Are there no {pl}?|Are there no {pl} in the {img}?|Is it right that there is no {n}?|Can no {n} be seen?|Is there really no {n}?|Is no {n} visible?|Are no {pl} visible?|Is there no {n} to be seen?|Are no {pl} present?|Is no {n} shown?|Is the {n} missing?",
    "both": "Is there {a} and {b}?|Do you see {a} and {b}?|Are there both {a} and {b}?|Does the {img} show both {a} and {b}?|Is there {a} as well as {b}?|Can you see both {a} and {b}?|Does the {img} contain {a} and {b}?|Are {a} and {b} both in the {img}?",
    "either": "Is there {a} or {b}?|Is there either {a} or {b}?|Do you see {a} or {b}?|Does the {img} contain {a} or {b}?|Can you see either {a} or {b}?|Is {a} or {b} in the {img}?",
    "exist_rel": "Is {a} {rel} {b}?|Is there {a} {rel} {b}?|Do you see {a} {rel} {b}?|Does the {img} show {a} {rel} {b}?|Is any {n} {rel} {b}?|Can you see {a} {rel} {b}?|Is there any {n} {rel} {b}?|Is it true that {a} is {rel} {b}?",
    "name": "What is this?|What is in the {img}?|What's in the {img}?|What do you see?|What object is this?|What is shown here?|What does the {img} show?|Name the object.|What am I looking at?|What thing is in the {img}?|Identify the object.|What can you see in the {img}?|Can you tell me what this is?|What is it?|What is depicted?|Which object is shown?|What object is in the {img}?|What is the main object?|What is this thing called?|What is in this {img}?|Tell me what this is.|Tell me what you see.|What do we have here?|What does this {img} show?|What can be seen here?|What is pictured?|What is in front of you?|Name what you see.|Say what this is.|What is displayed?|What might this be?|Do you know what this is?|What would you call this?|What is visible?|Could you identify this?|Please name this.|Name this object.|Identify this.|What thing is this?|What is that?|Which thing is this?|What do you recognize?|What is there in the {img}?|What am I seeing?|What is this in the {img}?|What is right here?|What would this be?|What could this be?|What is the thing in the {img}?|What does it show?|Can you identify this?|Can you name this?|Could you tell me what this is?|I wonder what this is.|What is this object?|What is this thing?|What do you think this is?|Any idea what this is?|What have we got here?|What is here?|What kind of object do you see?|Do you recognize this?|What is it that you see?|What is the name of this?|What is the subject of the {img}?|What is in view?|What is on the {img}?|What appears in the {img}?|What is presented here?|What is drawn or photographed here?|What have I got in front of me?|What lies before us?|What is the {img} of?|What is this a {img} of?|Help me name this.|Tell me the name of this.|What are you looking at?",
    "name_all": "What is in the {img}?|What's in the {img}?|What does the {img} show?|What is shown here?|What do you see?|What can you see in the {img}?|What is depicted?|What is in this {img}?|What does this {img} show?|Tell me what you see.|What is visible?|Name what you see.|What is there in the {img}?|What can be seen here?",
    "list_one": "What can you see?|What objects are in the {img}?|List the objects.|List everything you see.|What things do you see?|Name all the objects.|Which objects are there?|What items are in the {img}?|List what you see.|Which objects do you see?|What things are in the {img}?",
    "name_zone": "What is in {z}?|What's in {z}?|What is at {z}?|What do you see in {z}?|Which object is in {z}?|What object is in {z}?|Name the thing in {z}.|What can be seen in {z}?|What is located in {z}?|Tell me what is in {z}.|What thing is in {z}?|What is there in {z}?|Look at {z}. What is it?|What is shown in {z}?|What is visible in {z}?|What stands in {z}?|What can you see in {z}?|What lies in {z}?|What is placed in {z}?|Name what is in {z}.|What appears in {z}?",
    "biggest": "What is the biggest object?|Which object is the biggest?|What is the largest thing in the {img}?|Name the largest object.|What's the biggest object?|Which thing is the largest?|Which one is the biggest?|Tell me the biggest object.|Which of the objects is the largest?",
    "smallest": "What is the smallest object?|Which object is the smallest?|What is the smallest thing in the {img}?|Name the smallest object.|Which one is the smallest?|Which thing is the smallest?|Which of the objects is the smallest?",
    "leftmost": "What is the leftmost object?|Which object is furthest to the left?|What is on the far left?|Name the leftmost thing.|Which thing is furthest left?",
    "rightmost": "What is the rightmost object?|Which object is furthest to the right?|What is on the far right?|Name the rightmost thing.|Which thing is furthest right?",
    "highest": "What is the highest object?|Which object is highest up?|What is the topmost object?|Which thing is closest to the top?|Name the highest thing.",
    "lowest": "What is the lowest object?|Which object is lowest down?|What is the bottommost object?|Which thing is closest to the bottom?|Name the lowest thing.",
    "kind": "What {n} is in the {img}?|What kind of {n} is this?|Which {n} do you see?|What {n} do you see?|What {n} is this?|Name the {n}.|What kind of {n} is in the {img}?|Which {n} is shown?|What type of {n} is it?|Which {n} is in the {img}?|What {n} is shown here?|Which kind of {n} is this?|Which kind of {n} do you see?|What sort of {n} is this?|What sort of {n} is in the {img}?|What type of {n} do you see?|Tell me what {n} this is.|Can you name the {n}?|Identify the {n}.|What is the {n}?|Which {n} is this?|Tell me the kind of {n}.|What {n} can you see?",
    "colour": "What color is the {n}?|What is the color of the {n}?|What's the color of the {n}?|Which color is the {n}?|What color does the {n} have?|Tell me the color of the {n}.|The {n} is what color?|What colour is the {n}?|Name the color of the {n}.|What colour does the {n} have?|Do you know what color the {n} is?|Of what color is the {n}?",
    "colour_is": "Is the {n} {c}?|Is the color of the {n} {c}?|Is the {n} colored {c}?|Does the {n} look {c}?|Is it true that the {n} is {c}?|Would you say the {n} is {c}?|Is {c} the color of the {n}?|The {n} is {c}, right?",
    "colour_choice": "Is the {n} {c} or {d}?|Which color is the {n}, {c} or {d}?|Is the color of the {n} {c} or {d}?|What color is the {n}: {c} or {d}?|Does the {n} look {c} or {d}?|Would you call the {n} {c} or {d}?",
    "shape_is": "Is the {c} shape {a}?|Is the {c} object {a}?|Is the {c} one {a}?|Is it true that the {c} shape is {a}?|Is the {c} thing {a}?|Does the {c} object look like {a}?",
    "count_is": "Are there {k} {pl}?|Are there exactly {k} {pl}?|Are there {k} {pl} in the {img}?|Do you see {k} {pl}?|Does the {img} show {k} {pl}?|Can you see {k} {pl}?|Is the number of {pl} {k}?|Does the {img} contain {k} {pl}?|Is it true that there are {k} {pl}?",
    "count_exact": "Are there exactly {k} {pl}?|Is the number of {pl} {k}?|Is the count of {pl} {k}?|Are there precisely {k} {pl}?|Does the {img} show exactly {k} {pl}?|Do you see exactly {k} {pl}?|Are there exactly {k} {pl} in the {img}?|Do you count {k} {pl}, no more and no less?|Is it true that there are exactly {k} {pl}?|Is {k} the number of {pl}?",
    "is_this": "Is this {a}?|Is it {a}?|Is that {a}?|Would you say this is {a}?|Is this a picture of {a}?|Is the object {a}?|Do you think this is {a}?|Is the thing in the {img} {a}?",
    "shape": "What shape is it?|What shape is in the {img}?|What shape do you see?|Which shape is this?|What is the shape?|Name the shape.|What shape is this?|Which shape is shown?|What shape does the {img} show?|What shape is present?|What kind of shape is this?|What shape is depicted?|What is the name of the shape?|Which shape does the {img} contain?|What shape can be seen?",
    "only_colour": "What color is the shape?|What is the color of the shape?|What color is it?|Which color does the shape have?|What color is the object?|What colour is the shape?|What color is shown?|What is the shape's color?|Which color is the object?",
    "shape_colour": "What shape is the {c} one?|What shape is the {c} object?|What is the {c} shape?|Which shape is {c}?|What shape is {c}?|Name the {c} shape.|What is the shape of the {c} thing?|What kind of shape is the {c} one?|What {c} shape do you see?|What {c} shape is in the {img}?|What shape does the {c} object have?|What is the shape of the {c} object?|What {c} shape is present?",
    "count": "How many {pl} are there?|How many {pl} are in the {img}?|How many {pl} do you see?|How many {pl} can you see?|Count the {pl}.|What is the number of {pl}?|How many {pl} does the {img} show?|How many {pl} are visible?|Tell me how many {pl} there are.|Can you count the {pl}?|How many {pl}?|How many {pl} are here?|Number of {pl}?|What number of {pl} are there?|How many {pl} can be seen?|How many {pl} can you count?|What is the count of {pl}?|Please count the {pl}.|How many {pl} appear in the {img}?|How many {pl} are shown?|How many {pl} can you find?",
    "where": "Where is the {n}?|Where's the {n}?|Where is the {n} in the {img}?|In which part of the {img} is the {n}?|Where can I find the {n}?|Where do you see the {n}?|What is the position of the {n}?|Where is the {n} located?|Locate the {n}.|Tell me where the {n} is.|Which part of the {img} has the {n}?|Can you tell where the {n} is?",
    "in_zone": "Is the {n} in {z}?|Is the {n} located in {z}?|Do you see the {n} in {z}?|Is it true that the {n} is in {z}?|Can the {n} be found in {z}?|The {n} is in {z}, right?",
    "rel_yn": "Is {x} {rel} {y}?|Is {x} {rel} {y} in the {img}?|Do you see {x} {rel} {y}?|Is it true that {x} is {rel} {y}?|{X} is {rel} {y}, right?|Would you say {x} is {rel} {y}?|Is {x} placed {rel} {y}?|Is {x} located {rel} {y}?|Tell me if {x} is {rel} {y}.|Does {x} appear {rel} {y}?|Check if {x} is {rel} {y}.",
    "rel_what": "What is {rel} {y}?|What's {rel} {y}?|What object is {rel} {y}?|Which object is {rel} {y}?|What do you see {rel} {y}?|What thing is {rel} {y}?|Name the object {rel} {y}.|What is there {rel} {y}?|What can you find {rel} {y}?|Tell me what is {rel} {y}.|What is located {rel} {y}?|What is placed {rel} {y}?",
    "near": "What is next to {y}?|What's next to {y}?|What is nearest to {y}?|What is closest to {y}?|Which object is nearest to {y}?|What is beside {y}?|What object is closest to {y}?|What do you see next to {y}?|What is the nearest object to {y}?|Name the object next to {y}.|Which thing is closest to {y}?|What is the closest thing to {y}?|What stands next to {y}?|What is the neighbor of {y}?|Which object is next to {y}?|Which thing is next to {y}?|Tell me what is next to {y}.|What lies next to {y}?|What can you see beside {y}?|What is right next to {y}?|What object is beside {y}?|Which object is beside {y}?|What is near {y}?|What is the object next to {y}?|What thing is nearest to {y}?|Name what is closest to {y}.",
    "between": "What is between {x} and {y}?|What's between {x} and {y}?|Which object is between {x} and {y}?|What stands between {x} and {y}?|Name the thing between {x} and {y}.|What do you see between {x} and {y}?|What lies between {x} and {y}?|What is in between {x} and {y}?|What can you see between {x} and {y}?|Tell me what is between {x} and {y}.|Which thing is between {x} and {y}?|What is located between {x} and {y}?|What is placed between {x} and {y}?|What object stands between {x} and {y}?|What do we find between {x} and {y}?|Which object stands between {x} and {y}?|What object lies between {x} and {y}?|What is there between {x} and {y}?|Between {x} and {y}, what is there?|What is in the middle between {x} and {y}?",
    "more": "Are there more {p} than {q}?|Do you see more {p} than {q}?|Is the number of {p} greater than the number of {q}?|Are there more {p} than {q} in the {img}?|Does the {img} have more {p} than {q}?|Can you see more {p} than {q}?|Would you say there are more {p} than {q}?|More {p} than {q}?|Is it true that there are more {p} than {q}?|Do the {p} outnumber the {q}?",
    "fewer": "Are there fewer {p} than {q}?|Do you see fewer {p} than {q}?|Are there less {p} than {q}?|Is the number of {p} smaller than the number of {q}?|Does the {img} have fewer {p} than {q}?|Can you see fewer {p} than {q}?|Fewer {p} than {q}?|Is it true that there are fewer {p} than {q}?",
    "same": "Are there as many {p} as {q}?|Is the number of {p} the same as the number of {q}?|Is there the same number of {p} and {q}?|Do you see as many {p} as {q}?|As many {p} as {q}?|Are the {p} and {q} equal in number?|Are there exactly as many {p} as {q}?|Is the number of {p} equal to the number of {q}?",
    "which_more": "Which are there more of, {p} or {q}?|Are there more {p} or {q}?|What is there more of, {p} or {q}?|Do you see more {p} or {q}?|Which is more common, {p} or {q}?|More {p} or more {q}?|Does the {img} show more {p} or {q}?|{P} or {q}, which are there more of?",
    "size_yn": "Is {x} {cmp} than {y}?|Does {x} look {cmp} than {y}?|Is {x} {cmp} than {y} in the {img}?|Would you say {x} is {cmp} than {y}?|{X} is {cmp} than {y}, right?|Does {x} appear {cmp} than {y}?|Is it true that {x} is {cmp} than {y}?|Tell me if {x} is {cmp} than {y}.|Do you think {x} is {cmp} than {y}?|Is {x} the {cmp} one, compared with {y}?|Compared with {y}, is {x} {cmp}?|Is it {x} that is {cmp} than {y}?|Do you see that {x} is {cmp} than {y}?|Is {x} drawn {cmp} than {y}?|Check if {x} is {cmp} than {y}.",
    "size_wh": "Which is {cmp}, {x} or {y}?|What is {cmp}, {x} or {y}?|Which one is {cmp}, {x} or {y}?|Which object is {cmp}, {x} or {y}?|Is {x} or {y} {cmp}?|Between {x} and {y}, which is {cmp}?|Which of the two is {cmp}, {x} or {y}?|{X} or {y}, which is {cmp}?|Which looks {cmp}, {x} or {y}?|Which is the {cmp} one, {x} or {y}?|Tell me which is {cmp}, {x} or {y}.|Which appears {cmp}, {x} or {y}?|Of {x} and {y}, which is {cmp}?|Which thing is {cmp}, {x} or {y}?|Who is {cmp}, {x} or {y}?|What looks {cmp}, {x} or {y}?",
    "same_colour": "Are {x} and {y} the same color?|Do {x} and {y} have the same color?|Is {x} the same color as {y}?|Does {x} have the same color as {y}?|Does the color of {x} match {y}?|Do {x} and {y} share a color?|Is the color of {x} the same as that of {y}?|Same color for {x} and {y}?|Do the colors of {x} and {y} match?",
    "all_kind": "Are all objects the same?|Are all the objects of the same kind?|Are all things the same kind?|Is every object the same kind?|Are the objects all of one kind?|Are all items the same type?|Is there only one kind of object?|Do you see only one kind of object?|Are all objects in the {img} the same kind?|Are they all the same kind?|Does everything belong to the same kind?|Are the objects identical in kind?|Is it the same kind of object everywhere?|Do all the objects belong to one kind?",
    "all_colour": "Are all shapes the same color?|Do all the shapes have the same color?|Is every shape the same color?|Do the shapes share one color?|Are the shapes all one color?|Are all the objects the same color?",
    "all_shape": "Are all shapes the same?|Do all objects have the same shape?|Is every object the same shape?|Are all the objects the same shape?|Is there only one kind of shape?",
    "odd": "Which object is different from the others?|What is the odd one out?|Which one does not belong?|Which thing is different?|Name the odd one out.|Which object is not like the others?|What is different from the rest?|What does not fit?|Find the odd one.|Which object stands out?|Spot the different one.|Which is the odd one?|One of these is different. Which?|Which object does not match the others?|Which does not fit in?|What is out of place?|Which one is out of place?|Which one differs?|What differs from the rest?|Which is unlike the rest?|Something is different here. What?|Which object is not like the rest?|What does not go with the others?|Which thing is not like the others?|Which item does not belong with the rest?",
    "read": "What does it say?|What does the text say?|Read the text.|What is written?|What text is in the {img}?|Can you read the text?|What is written in the {img}?|What text do you see?|What does the sign say?|What is the text?|Tell me what is written.|What is written here?|Read it.|Please read the text.|What does the {img} say?|Can you read what it says?|Transcribe the text.|What letters do you see?|Read what is written.|Which text is shown?|What are the letters?|Tell me what it says.|Read the sign.|Read out the text.|What is the writing?|What does the writing say?|Say what is written.|Can you tell me what is written?|What words do you see?|Spell out the text.|What is printed here?|What is on the sign?|Read this.|Please read it to me.|What text is written here?|What does it read?|What is the text here?|Could you read this?|What is the inscription?|What has been written?|Read it out.|What do the letters say?|Tell me the text.|What is printed in the {img}?|Please read what it says.",
    "read_word": "What word is in the {img}?|Which word is written here?|Please read the word.|What is the word?|Which word do you see?|Read the word.|What word is this?|What word is written in the {img}?",
    "read_number": "What number is this?|What number is in the {img}?|Which number is shown?|What number do you see?|Read the number.|What is the number?|What number is written?|Tell me the number.|What number does it show?|What digits do you see?",
    "read_letter": "What letter is this?|Which letter do you see?|What letter is in the {img}?|Which letter is shown?|Read the letter.|What is the letter?",
    "read_top": "What is written at the top?|What does the first line say?|Read the top line.|What does the upper line say?|What is the first line?|What is the top line?|What does the top line say?|What stands in the first line?|Which text is at the top?|What is the upper text?|Read the first line.|Read only the top line.|What does the text at the top say?",
    "read_bottom": "What is written at the bottom?|What does the last line say?|Read the bottom line.|What does the lower line say?|What is the last line?|What is the bottom line?|What does the bottom line say?|What stands in the last line?|Which text is at the bottom?|What is the lower text?|Read the last line.|Read only the bottom line.|What does the text at the bottom say?",
    "spelled": "Does it say {w}?|Does the text say {w}?|Is the word {w} written?|Does the {img} say {w}?|Is {w} written in the {img}?|Do you read {w}?|Can you see the text {w}?|Is there the text {w}?|Is the text {w}?|Does the word {w} appear?|Is it true that it says {w}?|Does {w} appear in the {img}?|Is it {w} that is written?|Can {w} be read?|Does the sign say {w}?|Does it read {w}?|Is {w} the text?|Do you see {w} written?|Would you read it as {w}?",
    "any_text": "Is there any text?|Is there text in the {img}?|Do you see any text?|Is anything written?|Does the {img} contain text?|Are there any words?|Is there writing in the {img}?|Can you see any words?|Does the {img} have any writing?|Any text here?|Do you see letters or digits?|Is there a word in the {img}?|Does it contain letters?|Is some text visible?|Any words in the {img}?|Is text shown?|Are there letters in the {img}?|Does the {img} show any text?|Is something written in the {img}?",
    "text_colour": "What color is the text?|What is the color of the text?|What color are the letters?|In what color is it written?|Which color does the text have?|What colour is the writing?|What color is the word?|What color is the writing?|In which color is the text?|What colour are the letters?|Which color are the letters?|What is the color of the letters?|The text is what color?|What color is the text written in?|Tell me the color of the text.",
    "plate_colour": "What color is the sign?|What is the color of the sign?|What color is behind the text?|Which color is the sign?|What colour is the sign?|What color is the plate?|What color is the board?|What color is the label?|What color is around the text?|What color is under the letters?|What color surrounds the text?|What is the text written on, what color?|What color does the sign have?",
    "hop_colour": "What color is the {t} {rel} {y}?|What is the color of the {t} {rel} {y}?|Which color is the {t} {rel} {y}?|Tell me the color of the {t} {rel} {y}.|What's the color of the {t} {rel} {y}?|What color does the {t} {rel} {y} have?|Name the color of the {t} {rel} {y}.|What color is the {t} that is {rel} {y}?|What colour is the {t} {rel} {y}?",
    "hop_shape": "What shape is {rel} {y}?|Which shape is {rel} {y}?|What shape do you see {rel} {y}?|What is the shape {rel} {y}?|Name the shape {rel} {y}.|Tell me what shape is {rel} {y}.|What kind of shape is {rel} {y}?|What shape is located {rel} {y}?",
    "hop_count": "How many objects are {rel} {y}?|How many things are {rel} {y}?|Count the objects {rel} {y}.|How many items are {rel} {y}?|How many objects do you see {rel} {y}?|What is the number of objects {rel} {y}?|How many things do you see {rel} {y}?|Number of objects {rel} {y}?|How many objects can you see {rel} {y}?|How many things lie {rel} {y}?|How many objects stand {rel} {y}?|Count everything {rel} {y}.|How many objects are there {rel} {y}?|How many objects are located {rel} {y}?",
    "hop_extreme": "What color is the {sup} object?|What is the color of the {sup} thing?|Which color does the {sup} object have?|What color is the {sup} one?|Name the color of the {sup} object.",
    "claim": "{s} True or false?|True or false: {l}|Is this true or false? {s}|{s} Is that true or false?|Say whether this is true or false: {l}|{s} Right? Answer true or false.",
    "list": "What objects are in the {img}?|List the objects.|What things do you see?|List everything you see.|Name all the objects.|What are the objects in the {img}?|List everything in the {img}.|What can you see?|Which objects are there?|Name everything in the {img}.|Tell me all the objects you see.|What items are in the {img}?|List all the things in the {img}.|Enumerate the objects.|Which things are there?|What all is in the {img}?|List what you see.|List what is in the {img}.|Make a list of the objects.|Give me a list of the things in the {img}.|Which objects do you see?|Which items are in the {img}?|Name the things you see.|Name all things in the {img}.|Tell me everything in the {img}.|What are all the objects?|What things are in the {img}?|Can you list the objects?|Could you name everything you see?|List all objects.|What objects can you see?|Which things do you see?|What do you see? List everything.|Name every object.|What are the things in the {img}?|What objects are visible?|Tell me what objects are there.|Which objects are in the {img}?|What objects are shown?|Say what objects there are.",
    "caption": "Describe the {img}.|Describe this {img}.|Caption this {img}.|Write a caption.|Give a short description.|Describe what you see.|Please describe the {img}.|Can you describe the {img}?|Give me a description of the {img}.|Describe the scene.|Write a caption for this {img}.|Summarize the {img}.|What does this {img} look like?|Describe this.|What can you tell me about this {img}?|Tell me about the {img}.|Tell me what this {img} shows.|Explain what is in the {img}.|Give me a caption.|Write one sentence about the {img}.|Provide a short caption for the {img}.|Provide a description.|Describe the {img} briefly.|Briefly describe what you see.|Sum up the {img}.|In short, what does the {img} look like?|Please caption the {img}.|Make a caption for this {img}.|A short description, please.|Can you caption this?|Could you describe this {img}?|How would you describe the {img}?|Describe what is shown.|Describe the {img} in one sentence.|I cannot see it. Describe the {img}.|What is happening in this {img}?|What is the {img} about?|Describe everything you see.|Give a caption.|Say what the {img} shows.|Describe it.|Please give a short description.|Can you tell me what the {img} shows?|What do you see in this {img}? Describe it.|Describe the {img} for me.",
    "bg_colour": "What color is the background?|What is the background color?|What's the color of the background?|Which color is the background?|Tell me the background color.|What is the color of the background?|Name the background color.|What colour is the background?|Which color does the background have?|What background color does the {img} have?|What color is behind everything?|What is the background's color?|The background is what color?|What color does the background have?|Tell me the color of the background.|What is the color behind the objects?",
    "bg_pattern": "What does the background look like?|What kind of background is it?|How does the background look?|Describe the background.|What is the background like?|What type of background is this?|Tell me about the background.",
    "photo_is": "Is this {a}?|Is there {a} in the {img}?|Does the {img} show {a}?|Do you see {a}?|Can you see {a}?|Is it {a}?|Is there {a}?|Does the {img} contain {a}?|Would you say this is {a}?|Is {a} visible?|Is this a picture of {a}?|Is {a} shown here?|Do you think this is {a}?|Is this a photo of {a}?",
    "choice": "Is this {a} or {b}?|Is it {a} or {b}?|Which is it, {a} or {b}?|Do you see {a} or {b}?|Does the {img} show {a} or {b}?|What is this, {a} or {b}?",
    "photo_kind": "What kind of thing is this?|What kind of thing is in the {img}?|What category is this?|What type of thing is it?|Which category does this belong to?|What sort of thing is this?|What sort of object is it?|What kind of object is this?|What general kind of thing is this?|What class of thing is it?|What type of object is shown?",
    "medium_which": "Is this a photo or a drawing?|Is it a drawing or a photo?|Photo or drawing?|Is this drawn or photographed?",
    "medium_photo": "Is this a photo?|Is this a real photo?|Is this a photograph?|Was this taken with a camera?|Is it a photo?", "medium_drawing": "Is this a drawing?|Is this drawn?|Is it a drawing?|Are these drawings?",
    "photo_count": "How many photos are there?|How many pictures are in the collage?|How many photos do you see?|How many photos are in the {img}?",
    "so_many": "And how many of them are there?|How many of them are there?|How many?|How many are there?|And how many?|How many of them do you see?|How many of those?|Count them.|How many of them?|And how many are there?",
    "it_where": "Where is it?|And where is it?|Where?|Where is that?|Where exactly?|And where?|Where can I find it?|Where is it located?|Where do you see it?|What is its position?|Tell me where it is.",
    "it_colour": "What color is it?|And what color is it?|Which color is it?|What is its color?|What color?|And its color?|Which color?|What color does it have?|Tell me its color.|What colour is it?|And the color?",
    "it_near": "What is next to it?|And what is next to it?|What is closest to it?|What is beside it?|What's next to it?|Which object is nearest to it?|What is nearest to it?|What do you see next to it?",
    "it_rel": "What is {rel} it?|And what is {rel} it?|What do you see {rel} it?|Which object is {rel} it?", "sure": "Are you sure?|Really?|Are you certain?|Is that right?|Sure?|Are you sure about that?|Is that so?|Think again.|Are you really sure?|Are you positive?|Is that correct?|Is it really so?|Do you mean that?|You sure?",
    "what_about": "And {a}?|What about {a}?|And is there {a}?|How about {a}?|And what about {a}?|Is there {a} too?|And {a} too?|Then is there {a}?|Do you see {a} as well?|And do you see {a}?|Is there {a} as well?|And also {a}?|And can you see {a}?",
}


def held(template):
    return share(template, "wording:") < 0.20


def bare(template):
    """what is left when capitals, stops, courtesy and spelling do not count: two wordings with the same rest are one"""
    text = template.lower().replace("colour", "color").replace("what's", "what is").replace("where's", "where is")
    text = re.sub(r"\bplease\b|[?.!,:]", "", text)
    return " ".join(re.sub(r"\b(this|that)\b", "the", text).split())


FIRST = {k: v.split("|") for k, v in TEXT.items()}
ADDED = {k: list(dict.fromkeys(t.strip() for t in re.split(r"[|\n]", v) if t.strip() not in FIRST[k])) for k, v in MORE.items()}
TAUGHT = {bare(t) for v in FIRST.values() for t in v if not held(t)}
ADDED = {k: [t for t in v if not (held(t) and bare(t) in TAUGHT)] for k, v in ADDED.items()}
HIDDEN = {bare(t) for table in (FIRST, ADDED) for v in table.values() for t in v if held(t)}


def taught(key):
    """the wordings of training: half of the draws fall on the first ones, which are the most common"""
    first = [t for t in FIRST[key] if not held(t)] or FIRST[key][:1]
    added = [t for t in ADDED.get(key, ()) if not held(t) and bare(t) not in HIDDEN]
    return first * max(1, round(len(added) / len(first))) + added


KNOWN = {k: v + ADDED.get(k, []) for k, v in FIRST.items()}
TRAIN = {k: taught(k) for k in KNOWN}
HELD = {k: [t for t in v if held(t)] or v[-1:] for k, v in KNOWN.items()}


def widen():
    """the newest families; what says the same as a wording of the others is held out or taught as that one is"""
    said = {bare(t) for v in TRAIN.values() for t in v}
    wide = {k: list(dict.fromkeys(t.strip() for t in re.split(r"[|\n]", v))) for k, v in WIDE.items()}
    wide = {k: [t for t in v if not (held(t) and bare(t) in said)] for k, v in wide.items()}
    hidden = HIDDEN | {bare(t) for v in wide.values() for t in v if held(t)}
    for k, v in wide.items():
        FIRST[k], KNOWN[k] = [], v
        TRAIN[k], HELD[k] = [t for t in v if not held(t) and bare(t) not in hidden], [t for t in v if held(t)]


widen()
STYLE = {"word": (" Answer in one word.", " One word, please.", " In one word.", " Answer with a single word."),
         "sentence": (" Answer in a full sentence.", " Answer with a sentence.", " In a sentence, please.", " Use a full sentence.")}
SMALL_TALK = (
    ("Hello|Hi|Hey|Hi there!|Good morning|Hello there|Good evening|Hey there|Hello!|Hi!|Hello.|Good day|Good afternoon|Greetings|Hiya|Howdy|"
     "Hello, how are you?|How are you?|Good morning!|Hi, model|Hey!|Hi there|Hello again|Hi again|Hello, model|Hello everyone|Good evening!|"
     "How are you doing?|How are you today?|How is it going?|What's up?|Yo|Nice to meet you|Hello hello|hi :)|Good day!",
     "Hello! Ask me about the picture."),
    ("Who are you?|What are you?|What is your name?|Are you a robot?|Are you an AI?|Are you human?|What's your name?|Who am I talking to?|"
     "Are you a program?|Are you a computer?|Are you a person?|Tell me about yourself.|Who is this?|What model are you?|Introduce yourself.|"
     "Are you a machine?|Are you ChatGPT?|Are you a language model?|Are you real?|Do you have a name?|Tell me your name.|Your name?|"
     "What kind of model are you?|What is this program?|Are you a bot?|Are you an assistant?|Please introduce yourself.|"
     "Tell me who you are.|Say who you are.", "I am a small vision language model."),
    ("What can you do?|Help|How can you help me?|What should I ask?|What do you know?|How does this work?|What can I ask you?|"
     "What are you able to do?|Help me|What questions can I ask?|Can you help me?|What are you good at?|What do you do?|Help!|How do I use you?|"
     "Give me an example of a question.|What can I ask?|What may I ask?|What can you tell me?|Tell me what you can do.|How can I use you?|"
     "What are you for?|What is your job?|What do you understand?|What kind of questions can I ask?|Which questions do you understand?|"
     "I need help|What else can you do?|Show me what you can do.",
     "I can name, count, locate and compare things in the picture."),
    ("Thanks|Thank you|Thank you very much!|Great, thanks|Thanks a lot!|Cheers|Thank you.|Thanks!|Thank you!|Thanks.|Many thanks|"
     "Thanks for your help|Thank you so much|Thx|Ok, thank you|Thank you for the answer.|That helps, thanks|Thank you, that was helpful.|"
     "Okay thanks|Ok thanks|Thanks a lot|Thank you very much|Thanks, that helps.|I thank you|Thank you kindly|Thanks so much!|Ty|Thanks again|"
     "Great, thank you!|Perfect, thanks|Good, thank you|Thank you for your help.|Thanks, model", "You are welcome!"),
    ("Bye|Goodbye|See you|Good night|Bye bye|Bye!|Goodbye.|See you later|See you tomorrow|Farewell|I have to go|That is all|"
     "That's all, bye|Goodbye!|See you soon|Bye for now|I am leaving|I must go now|Ciao|Take care|Until next time|Ok, bye",
     "Goodbye!"),
    ("Good job!|Nice|Well done|Great!|Very good|Good.|Great|Perfect|Nice!|Awesome|Cool|Excellent|Good work|Correct!|That is right|"
     "That is correct.|Yes, correct|You are right|Well done!|Great job|Good answer|Nice work|Wonderful|Amazing|Fantastic|Impressive|Bravo|"
     "Exactly|Exactly!|Right!|Very nice|Good boy|That was good|You did well|Brilliant", "Thank you!"),
    ("You are wrong|That is wrong|That's not right|No, that's wrong|Wrong!|Wrong|That is not true|That is incorrect.|No, you are wrong|"
     "This is wrong.|That is not correct|Incorrect|No, it is not|You made a mistake|I don't think so|Wrong answer|That's wrong|"
     "You're wrong|That's a mistake|That's incorrect|Not true|Not correct|False, you are wrong|Bad answer|Your answer is wrong|You are mistaken|"
     "That was wrong|I disagree|No, wrong", "Sorry, I make mistakes."))


def pick(table, rng, key, **values):
    """a wording of the family, filled in"""
    img = rng.choice(IMG)
    text = rng.choice(table[key]).format(img=img, **values)
    text = text.replace("{img}", img)
    return text[0].upper() + text[1:]


def agree(q, name):
    """verbs of names that are plural in form: "Are there headphones?" """
    if not name.endswith("s"):
        return q
    for one, many in (("Is there any " + name, "Are there any " + name), ("Is there " + name, "Are there " + name), ("Is " + name, "Are " + name),
                      ("Does " + name, "Do " + name), ("if there is " + name, "if there are " + name)):
        if q.startswith(one) or one.startswith("if ") and one in q:
            return q.replace(one, many, 1)
    return q


EMOJI = ("\U0001f642", "\U0001f600", "\U0001f914", "\U0001f64f", "\U0001f44d", "\u2764", "\U0001f602", "\U0001f436", ":)", ";-)", "??", "!!", "...")


OPENINGS = ("Please tell me: ", "Hey, ", "Ok, ", "So, ", "Now: ", "Hi! ", "And ", "Please: ", "Excuse me, ", "Tell me, ", "Well, ", "One question: ",
            "Quick question: ", "I would like to know: ", "Hello, ", "Now tell me: ")


def typed(q, rng):
    """the way people type"""
    if "gray" in q and rng.random() < 0.3:
        q = q.replace("gray", "grey")
    if "oval" in q and rng.random() < 0.15:
        q = q.replace("oval", "ellipse")
    if rng.random() < 0.012:
        q += rng.choice((" ", "")) + rng.choice(EMOJI)
    r = rng.random()
    if r < 0.42:
        return q
    if r < 0.67:
        q = q[:1].lower() + q[1:]
    if q[-1] in "?." and rng.random() < 0.08 and "lease" not in q:
        q = q[:-1] + rng.choice((", please", " please")) + q[-1]
    if len(q) > 2 and q[-1] in "?." and rng.random() < 0.4:
        q = q[:-1]
    if "hat is " in q and rng.random() < 0.12:
        q = q.replace("hat is ", rng.choice(("hat's ", "hats ")), 1)
    if rng.random() < 0.06:
        q = rng.choice(OPENINGS) + q[:1].lower() + q[1:]
    if rng.random() < 0.10:
        q = misspelt(q, rng)
    if rng.random() < 0.08:
        q = q.lower()
    return q


def misspelt(q, rng):
    words = q.split(" ")
    i = rng.randrange(len(words))
    w = words[i]
    if len(w) > 4 and w.isalpha() and not w.isupper():
        j = rng.randrange(1, len(w) - 2)
        words[i] = rng.choice((w[:j] + w[j + 1] + w[j] + w[j + 2:], w[:j] + w[j + 1:], w[:j] + w[j] + w[j:]))
    return " ".join(words)


COMMON = "what is are there the picture image color colour how many where which shape background of you see this does show object name text".split()


def careless(q, rng):
    """one in twenty: all in capitals, a slip in a common word, no mark at the end, blanks where none belong, "please" before it"""
    r = rng.random()
    if r > 0.055 or len(q) < 4:
        return q
    if r < 0.02:
        return q.upper()
    if r < 0.032:
        words = q.split(" ")
        at = [i for i, w in enumerate(words) if len(w) > 2 and w.strip("?.,").lower() in COMMON]
        if at:
            i = rng.choice(at)
            words[i] = slip(words[i], rng)
        return " ".join(words)
    if r < 0.038:
        return rng.choice(("Please, ", "please ", "pls ", "Please ")) + q[0].lower() + q[1:]
    if r < 0.043:
        return rng.choice((" ", "  ")) + q + rng.choice(("", " "))
    if r < 0.047:
        return q.rstrip("?.") + rng.choice((" ?", "??", " ", "...", "?!"))
    return q.lower().rstrip("?.")


def slip(w, rng):
    """one letter doubled, left out, swapped with the next, or the one beside it on the keyboard"""
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    i = rng.randrange(1, len(w) - 1)
    row = next((k for k in rows if w[i].lower() in k), None)
    at = row.index(w[i].lower()) if row else 0
    beside = row[max(0, min(len(row) - 1, at + rng.choice((-1, 1))))] if row else w[i]
    return rng.choice((w[:i] + w[i] + w[i:], w[:i] + w[i + 1:], w[:i] + w[i + 1] + w[i] + w[i + 2:], w[:i] + beside + w[i + 1:]))
