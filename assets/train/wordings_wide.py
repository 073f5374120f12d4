"""Wordings of what newcomers asked and training did not: pronouns, short follow-ups, empty pictures, all things at once, pages.

The keys are new ones, so what is asked of the other families, and the sets for evaluation made of them, stay as they are. {c} a colour,
{ac} "a red one", {k} a number, {pl} plural, {a} with article, {n} without, {x} with "the".
"""

WIDE = {
    "it_is_colour": """Is it {c}?|Is this {c}?|Is that {c}?|Is it {ac}?|Is this {ac}?|Is it {c} in color?|Is it colored {c}?|Is its color {c}?
        Is the color {c}?|It is {c}, right?|Does it look {c}?|Is it really {c}?|Would you say it is {c}?|And is it {c}?|So is it {c}?|Is it {c} or not?
        {c}?|Yes or no: is it {c}?|Is this thing {c}?|Is the thing {c}?|Is the object {c}?|Is it shown in {c}?|Do you think it is {c}?
        Is it true that it is {c}?|Tell me if it is {c}.|Check if it is {c}.|Is that one {c}?|Is this one {c}?""",
    "it_is_like": """Is it {w}?|Is this {w}?|Is that {w}?|Is it {w} in shape?|Does it look {w}?|Is its shape {w}?|Is the shape {w}?|Is it really {w}?
        Would you say it is {w}?|Is the thing {w}?|Is the object {w}?|Is this thing {w}?|It is {w}, right?|Tell me if it is {w}.""",
    "it_is_a": """Is it {a}?|Is that {a}?|Is this {a}?|And is it {a}?|So is it {a}?|Is that one {a}?|Would you say it is {a}?|Is it really {a}?
        Is the thing {a}?|Could it be {a}?|It is {a}, right?|Do you think it is {a}?|Is this one {a}?|Is that thing {a}?|Yes or no: is it {a}?
        Tell me if it is {a}.|So it is {a}?|Is that really {a}?""",
    "and_the": """And the {n}?|And the {n}?|And {n}?|What about the {n}?|And what about the {n}?|How about the {n}?|And how about the {n}?|The {n}?
        What of the {n}?|Now the {n}?|And now the {n}?|And for the {n}?|Then the {n}?|And the {n} too?|Ok, and the {n}?
        Also the {n}?|The {n} too?|So and the {n}?|And then the {n}?""",
    "and_the_colour": """And the color of the {n}?|And what color is the {n}?|What about the color of the {n}?|And the {n}, what color?|The color of the {n}?
        And the {n}'s color?|Then what color is the {n}?|And which color is the {n}?|How about the color of the {n}?|And the {n}, which color?
        And the colour of the {n}?|Now the color of the {n}?""",
    "and_the_place": """And where is the {n}?|And the {n}, where is it?|And the position of the {n}?|What about the position of the {n}?|Then where is the {n}?
        And where's the {n}?|And the {n}, where?|And the place of the {n}?|Where is the {n}, then?|So where is the {n}?|And the location of the {n}?|And the {n} is where?|And in which place is the {n}?|Then the place of the {n}?
        And where do you see the {n}?|And where can I find the {n}?""",
    "and_pl": """And {pl}?|And {pl}?|And the {pl}?|What about {pl}?|And what about {pl}?|What about the {pl}?|How about {pl}?|And how about the {pl}?
        {pl}?|The {pl}?|Then {pl}?|Now {pl}?|Now the {pl}?|And for {pl}?|Ok, and {pl}?|Then the {pl}?|And also {pl}?|So and {pl}?""",
    "the_other": """And the other one?|And the other?|What about the other one?|The other one?|And what about the other one?|How about the other one?
        And the other thing?|What about the other?|And the other object?|And how about the other?|And the second one?|The other?|And then the other one?|Then the other one?""",
    "and_colour_one": """And the {c} one?|What about the {c} one?|And the {c} shape?|The {c} one?|And what about the {c} one?|How about the {c} one?
        And {c}?|What about the {c} shape?|And the {c} thing?|Then the {c} one?|Now the {c} one?""",
    "in_total": """How many in total?|How many in all?|How many altogether?|How many things in total?|How many objects in total?|And in total?|And all together?
        So how many things together?|And how many in total?|How many things are there altogether?|How many objects all together?|In total?
        And how many things in all?|What is the total?|And the total?|So how many objects altogether?|Total number of things?""",
    "their_colour": """What color are they?|What color are those?|And what color are they?|Which color are they?|What is their color?|And their color?
        What color do they have?|What color are these?|In what color are they?|What's their color?|Their color?|Which color do they have?
        What colour are they?|Tell me their color.|And what color are those?""",
    "colour_pl": """What color are the {pl}?|What is the color of the {pl}?|Which color are the {pl}?|What color do the {pl} have?|What's the color of the {pl}?
        Color of the {pl}?|Tell me the color of the {pl}.|What colour are the {pl}?|Which color do the {pl} have?|In what color are the {pl}?
        The {pl} are what color?|Name the color of the {pl}.|Which colour are the {pl}?|Say what color the {pl} are.
        The color of the {pl}?|What color have the {pl}?|And the color of the {pl}?""",
    "same_size": """Are they the same size?|Are they equally big?|Are both the same size?|Do they have the same size?|Are they of the same size?|Same size?
        Are the two the same size?|Are they equal in size?|Are both equally big?|Do both have the same size?
        Are the objects the same size?|Are the two objects equally large?|Are they as big as each other?|Is their size the same?
        Are the two things the same size?|Are these the same size?|Would you say they are the same size?""",
    "all_are_colour": """Is everything {c}?|Are they all {c}?|Are all of them {c}?|Are all the things {c}?|Is every object {c}?|Is every one of them {c}?
        Are these all {c}?|Are all of these {c}?|Is all of this {c}?|Are all things {c}?|Is each of them {c}?|Everything {c}?|All {c}?|All of them {c}?
        Are the objects all {c}?|Is it true that everything is {c}?|Does everything have the color {c}?|Are all objects in the {img} {c}?
        Are they {c}, all of them?|Is everything here {c}?|Is everything in the {img} {c}?|Are there only {c} things?|Do you see only {c} things?""",
    "all_are": """Are they all {pl}?|Are all of them {pl}?|Is everything {a}?|Are these all {pl}?|Are all of these {pl}?|Are all the objects {pl}?
        Is every object {a}?|Is each of them {a}?|Do you see only {pl}?|Are there only {pl}?|Is everything here {a}?|Is every one of them {a}?
        All {pl}?|Only {pl}?|Are all things {pl}?|Is every thing {a}?|Are the objects all {pl}?|Does the {img} show only {pl}?|Just {pl}?
        Is it true that they are all {pl}?|Are there just {pl}?|Are they {pl}, all of them?""",
    "them_colour": """Are they all the same color?|Are all of them the same color?|Are they the same color?|Do they all have the same color?
        Are all of these the same color?|Is everything the same color?|Everything the same color?|Do they have the same color?|Do they share a color?
        Is everything one color?|Are they of the same color?|Do all of them have one color?|Is each of them the same color?|Are all of them the same colour?
        Are these all the same color?|Have they all got the same color?""",
    "them_shape": """Are they all the same shape?|Are all of them the same shape?|Are they the same shape?|Do they all have the same shape?|Is everything the same shape?
        Are all of these the same shape?|Do they have the same shape?|Are they of the same shape?|Do all of them have one shape?|Do they share a shape?
        Are these all the same shape?|Is each of them the same shape?""",
    "what_is_colour": """What is {c}?|What's {c}?|Which thing is {c}?|What thing is {c}?|Which object is {c}?|What object is {c}?|Name the {c} thing.|What is the {c} thing?
        What is the {c} object?|What {c} thing do you see?|What {c} thing is there?|Which one is {c}?|Tell me what is {c}.|What here is {c}?
        What in the {img} is {c}?|Name what is {c}.|What do you see in {c}?|Which of them is {c}?|What's the {c} thing?|The {c} thing, what is it?""",
    "empty": """Is it empty?|Is it blank?|Is the {img} empty?|Is this empty?|Is this blank?|Is the {img} blank?|Empty?|Blank?|Is there nothing?|Is there nothing here?
        Is there nothing in the {img}?|Is nothing shown?|Is nothing there?|Is this an empty {img}?|Is it just an empty {img}?|Do you see nothing?
        Is nothing in the {img}?|Is there nothing to see?|Is this a blank {img}?|Is nothing drawn here?|It is empty, right?
        Does the {img} show nothing?|Would you say it is empty?|Is there nothing on it?""",
    "anything": """Is there anything?|Is there anything here?|Is there anything in the {img}?|Is there something?|Is there something in the {img}?|Do you see anything?
        Do you see something?|Can you see anything?|Anything?|Anything here?|Anything in the {img}?|Is anything there?|Is something there?|Is anything shown?
        Does it show anything?|Does the {img} show anything?|Does the {img} contain anything?|Is anything to be seen?|Is there any object?|Any objects?
        Are there any objects?|Are there any things?|Is anything visible?|Is there anything on it?|Is anything drawn here?|Can anything be seen?""",
    "bg_is": """Is the background {c}?|Is the background color {c}?|Is the color of the background {c}?|Is it {c} in the background?|Is the backdrop {c}?
        Does it have {ab} background?|Is it on {ab} background?|Is there {ab} background?|Does the {img} have {ab} background?|The background is {c}, right?
        Would you say the background is {c}?|Do you see {ab} background?|Is the background really {c}?|Is {c} the background color?""",
    "plain_is": """Is it {c}?|Is this {c}?|Is that {c}?|Is the {img} {c}?|Is it all {c}?|Is it just {c}?|Is the {img} all {c}?|Is it plain {c}?|Is the color {c}?
        {c}?|It is {c}, right?|Is it nothing but {c}?|Is the whole {img} {c}?|Tell me if it is {c}.|And is it {c}?|Would you say it is {c}?|Is its color {c}?
        Is it {c} or not?|Does it look {c}?|Is it only {c}?|Do you see nothing but {c}?""",
    "plain_name": """What is this?|What's this?|What is that?|What is it?|What am I looking at?|What is the {img} of?|What is this a {img} of?|What do we have here?
        What is this {img}?|What would you call this?|Can you tell me what this is?|Tell me what this is.|What have we got here?|What is pictured?""",
    "plain_colour": """What color is it?|What color is this?|Color?|What color?|What is the color?|What's the color?|Which color is it?|Which color is this?|What color is the {img}?
        What is the color of the {img}?|What color do you see?|Which color do you see?|What color is that?|Tell me the color.|What colour is it?
        What color is shown?|Name the color.|What color fills the {img}?|What is its color?""",
    "page_name": """What is this?|What's this?|What is it?|What is in the {img}?|What's in the {img}?|What do you see?|What is shown here?|What does the {img} show?
        What am I looking at?|Tell me what this is.|What is that?|What can you see?|What is depicted?|What do we have here?|What is this {img}?|What is visible?
        What is the {img} of?|Can you tell me what this is?|What would you call this?|What can be seen here?|What is there in the {img}?""",
    "lines": """How many lines are there?|How many lines of text are there?|How many lines does the text have?|How many lines do you see?|Count the lines.
        How many lines of text do you see?|How many lines does it have?|Number of lines?|What is the number of lines?|How many lines of text?|How many lines?
        How many text lines are there?|Count the lines of text.|How many rows of text are there?""",
    "inside": """What is inside {x}?|What is in {x}?|What's in {x}?|What do you see inside {x}?|What do you see in {x}?|What thing is inside {x}?
        Which shape is inside {x}?|Which shape is in {x}?|What shape is inside {x}?|Inside {x}, what is there?|Tell me what is inside {x}.|What is within {x}?
        What lies inside {x}?|Name the shape inside {x}.|And inside {x}?
        What can be seen inside {x}?|What is there inside {x}?|What can you see in {x}?|What stands inside {x}?|Which object is inside {x}?""",
    "inside_yn": """Is {x} inside {y}?|Is {x} in {y}?|Is {x} within {y}?|Does {x} lie inside {y}?|Do you see {x} inside {y}?|Is {x} placed inside {y}?
        Would you say {x} is inside {y}?|Is it true that {x} is in {y}?|Is {x} drawn inside {y}?|Is {x} shown within {y}?|Tell me if {x} is inside {y}.
        Can you see {x} in {y}?|Yes or no: is {x} in {y}?""",
}
