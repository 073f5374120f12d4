"""More ways to ask, of all families: short, polite and careless ones, noun phrases, "tell me". One a line, or between bars.

The blanks are those of wordings.py. A fifth of them is held out by the same hash, and what says the same as a held-out wording (but for
capitals, stops, "please", this or the, colour or color) is not used in training.
"""

MORE = {
    "exist": """{a}?|{n}?|The {n}?|Any {n}?|Any {n} here?|Any {n} in the {img}?|Any {n} to be seen?|{a}, yes or no?
        Can you spot {a}?|Do you spot {a}?|Is there {a} somewhere?|Is there {a} anywhere?|Is {a} there?|Is {a} here?|Is there {a} to be seen?
        Do we see {a}?|Do you notice {a}?|Is there {a} in it?|Does it show {a}?|Does it contain {a}?|Is {a} depicted?|Is {a} pictured?
        Is {a} included?|Is {a} part of the {img}?|Yes or no: is there {a}?|Is there {a}, yes or no?|Can you tell me if there is {a}?
        Could you check if there is {a}?|Check if there is {a}.|Check whether there is {a}.|Tell me whether there is {a}.|Say if there is {a}.
        I am looking for {a}. Is there one?|Would you say there is {a}?|Is it true that there is {a}?|There is {a}, right?|You see {a}, right?
        Can I see {a}?|Can one see {a}?|Do you find {a}?|Is {a} in there?|Is {a} in view?|Is {a} on the {img}?|Is {a} to be seen?
        Can you make out {a}?|Are you able to see {a}?|Do you happen to see {a}?|Does the {img} have {a} in it?|Does the {img} include {a}?""",
    "exist_pl": """{pl}?|Any {pl}?|Any {pl} at all?|Any {pl} in the {img}?|Any {pl} to be seen?|Are {pl} there?|Are there some {pl}?|Are there {pl}?
        Are {pl} here?|Are there {pl} here?|Can you spot any {pl}?|Can you find any {pl}?|Do you notice any {pl}?|Are {pl} shown?|Are any {pl} shown?
        Are any {pl} present?|Are {pl} present?|Are {pl} visible?|Do we have {pl} here?|Does the {img} have any {pl}?|Does it show {pl}?
        Does it contain any {pl}?|Tell me if there are any {pl}.|Can any {pl} be seen?|Are any {pl} in the {img}?|Do {pl} appear in the {img}?
        Yes or no: are there {pl}?|Can you tell me if there are any {pl}?|Check if there are any {pl}.""",
    "exist_mass": """{n}?|Any {n}?|Any {n} in the {img}?|Is {n} visible?|Is {n} in the {img}?|Is {n} present?|Is there {n}?|Is {n} shown?
        Does the {img} contain any {n}?|Can you spot {n}?|Do you see {n}?|Is there some {n}?|Tell me if there is {n}.|Can any {n} be seen?
        Does it show {n}?|Can you find any {n}?""",
    "lack": """No {n}?|No {n} here?|No {pl}?|No {pl} here?|No {n} in the {img}?|There is no {n}, right?|There are no {pl}, correct?
        So there is no {n}?|Is {a} not there?|Is {a} not here?|Is {a} absent?|Are {pl} missing?|Are {pl} absent?|Does the {img} lack {a}?
        Is it correct that there is no {n}?|Would you say there is no {n}?|Tell me if there is no {n}.|Is there not a single {n}?
        Are there not any {pl}?|Are there really no {pl}?|Is it true that there are no {pl}?|You see no {n}, right?|Yes or no: is there no {n}?""",
    "both": """{a} and {b}?|Both {a} and {b}?|Are {a} and {b} here?|Are {a} and {b} in the {img}?|Do you see both {a} and {b}?
        Is there both {a} and {b}?
        Does the {img} have {a} and {b}?|Can you see {a} and {b}?|Can you see {a} as well as {b}?|Are both {a} and {b} visible?
        Are {a} and {b} both there?|Are {a} and {b} both visible?|Do you see {a} and also {b}?|Do both {a} and {b} appear?|Does it show {a} and {b}?
        Is it true that there is {a} and {b}?|Tell me if there is {a} and {b}.""",
    "either": """Is there {a} or else {b}?|Is either {a} or {b} in the {img}?|Is either {a} or {b} visible?|Is either {a} or {b} present?
        Do you see either {a} or {b}?|Does the {img} show either {a} or {b}?|Does the {img} contain either {a} or {b}?|Is there at least {a} or {b}?
        Is {a} or {b} visible?|Is {a} or {b} present?|Is {a} or {b} here?|Yes or no: is there {a} or {b}?|Can you find {a} or {b}?
        Is at least one of these here: {a} or {b}?|Tell me if there is {a} or {b}.|Can {a} or {b} be seen?|Is there {a} or {b} anywhere?""",
    "exist_rel": """{a} {rel} {b}?|Any {n} {rel} {b}?|Do we see {a} {rel} {b}?|Is {a} shown {rel} {b}?|Is {a} placed {rel} {b}?
        Is {a} to be seen {rel} {b}?
        Can you spot {a} {rel} {b}?|Can you find {a} {rel} {b}?|Tell me if there is {a} {rel} {b}.|Tell me if {a} is {rel} {b}.
        Does the {img} have {a} {rel} {b}?|Is it so that {a} is {rel} {b}?|There is {a} {rel} {b}, right?|Check if {a} is {rel} {b}.
        Would you say there is {a} {rel} {b}?|Yes or no: is {a} {rel} {b}?|Does {a} stand {rel} {b}?""",
    "name": """What's this?|What's that?|What do I see?|What do I have here?|What's shown?|What is shown?|What is shown in the {img}?
        What is it called?
        What do you call this?|What's the name of this thing?|What's the object?|What is the object?|Which object is it?|Which object is this?|Object?
        Name it.|Name this thing.|Name the thing.|The name of this, please.|Give me the name of this.|Give me the name of the object.
        Please identify the object.|Please tell me what this is.|Please tell me what you see.|Can you say what this is?|Could you name this?
        Could you name the object?|Do you see what this is?|Guess what this is.|I need to know what this is.|I want to know what this is.
        I'd like to know what this is.|What is this meant to be?|What is this supposed to be?|What does this show?|What is this showing?
        What's depicted here?|What's pictured here?|What is the {img} showing?|What can be seen?|What can be seen in the {img}?
        What's visible here?|Tell me what it is.|Tell me what is in the {img}.|Tell me what the object is.|Say what you see.
        What object can you see?|What object do you see?|Which object do you see?|What thing do you see?|What thing can you see?|What item is this?
        Which item is this?|What item is shown?|Recognize this.|Recognize the object.|Label this.|Label the object.|What is the thing shown?
        What is the thing called?|What is the object called?|What's on the {img}?|What is it showing?|What did you find?|What do you see here?""",
    "name_all": """What's shown?|What is shown in the {img}?|What can be seen?|What can be seen in the {img}?|Tell me what is in the {img}.
        Please tell me what you see.|Say what you see.|What do I see?|What is the {img} showing?|What's on the {img}?|What is on the {img}?
        What all do you see?|What do you see here?|What is there to see?|Can you tell me what is in the {img}?""",
    "list_one": """List the things.|Name the objects.|Name the things.|What objects are there?|What items do you see?|List every object.
        List all things.
        Give me a list of objects.|Please list the objects.|Please list everything.|Can you list all the objects?|Which objects are visible?
        What objects do you see?|Tell me everything you see.|What does the {img} contain?""",
    "name_zone": """{z}?|And {z}?|Object in {z}?|The object in {z}?|Thing in {z}?|What about {z}?|What is that in {z}?|Tell me what you see in {z}.
        What do we see in {z}?|What do we have in {z}?|What can I see in {z}?|What can I find in {z}?|What can be found in {z}?
        What is to be seen in {z}?|What is pictured in {z}?|What is depicted in {z}?|What sits in {z}?|Which thing is in {z}?|Which item is in {z}?
        Name the object in {z}.|Identify the object in {z}.|Identify what is in {z}.|Say what is in {z}.|Please name what is in {z}.
        Can you tell me what is in {z}?|Could you tell me what is in {z}?|Can you name the object in {z}?|Do you know what is in {z}?
        In {z}, what do you see?|In {z}, what is there?|What is the thing in {z}?|What is the object in {z}?|What do you find in {z}?
        Look at {z}. What do you see?|What have we got in {z}?""",
    "biggest": """Biggest object?|Biggest thing?|The biggest object?|Largest object?|Which is the biggest?|Which is the largest?|Which is biggest?
        Which object is largest?|What's the largest object?|What is the biggest thing?|What is the largest object?|What is the biggest one?
        Name the biggest object.|Name the biggest thing.|Tell me which object is the biggest.|Tell me the largest thing.|Which item is the biggest?
        Can you name the biggest object?|Of all objects, which is the largest?|What is the biggest object in the {img}?
        Please name the largest object.|What looks the biggest?""",
    "smallest": """Smallest object?|Smallest thing?|The smallest object?|Which is the smallest?|Which is smallest?|Which object is smallest?
        What's the smallest object?|What is the smallest thing?|What is the smallest one?|Name the smallest thing.
        Tell me which object is the smallest.
        Tell me the smallest thing.|Which item is the smallest?|Can you name the smallest object?|Of all objects, which is the smallest?
        What is the smallest object in the {img}?|Please name the smallest object.|What looks the smallest?""",
    "leftmost": """Leftmost object?|What is furthest to the left?|What's on the far left?|Which object is the leftmost?
        Which object is on the far left?
        Tell me the leftmost object.|Name the object furthest to the left.|What is the object on the far left?|What is the leftmost thing?
        What is farthest left?|Which is the leftmost object?""",
    "rightmost": """Rightmost object?|What is furthest to the right?|What's on the far right?|Which object is the rightmost?
        Which object is on the far right?
        Tell me the rightmost object.|Name the object furthest to the right.|What is the object on the far right?|What is the rightmost thing?
        What is farthest right?|Which is the rightmost object?""",
    "highest": """Highest object?|Topmost object?|What is highest up?|Which object is the highest?|Which object is the topmost?
        Tell me the highest object.
        What is closest to the top?|What is the topmost thing?|Name the topmost object.|What is the highest thing?
        Which object is nearest to the top?""",
    "lowest": """Lowest object?|Bottommost object?|What is lowest down?|Which object is the lowest?|Which object is the bottommost?
        Tell me the lowest object.
        What is closest to the bottom?|What is the bottommost thing?|Name the bottommost object.|What is the lowest thing?
        Which object is nearest to the bottom?""",
    "kind": """Which {n}?|What {n}?|What kind of {n}?|What sort of {n} is it?|What type of {n} is this?|What kind of {n} is it?
        What kind of {n} do you see?
        What kind of {n} is shown?|What kind of {n} can you see?|Which {n} can you see?|What {n} is that?|Which {n} is it?|What {n} is it?
        What {n} have we got here?|Tell me which {n} it is.|Tell me what kind of {n} it is.|Say which {n} this is.|Can you identify the {n}?
        Can you tell which {n} this is?|Do you know which {n} this is?|Type of {n}?|Kind of {n}?|What {n} is there?|Which {n} is there?""",
    "colour": """Color of the {n}?|{n} color?|The {n}'s color?|The color of the {n}, please.|What color's the {n}?|Give me the color of the {n}.
        What is the {n}'s color?|Say the color of the {n}.|What color would you say the {n} is?|Can you tell me the color of the {n}?
        Could you tell me what color the {n} is?|What color has the {n}?|Which color has the {n}?|Which color does the {n} have?
        Please name the color of the {n}.|How is the {n} colored?|In what color is the {n}?|Tell me what color the {n} is.|Say what color the {n} is.
        What color do you see on the {n}?|The {n} has what color?|I want to know the color of the {n}.|And the color of the {n}?
        Look at the {n}. What color is it?|What colour is the {n} in the {img}?""",
    "colour_is": """The {n}: is it {c}?|Is the {n} really {c}?|Is that {n} {c}?|Do you think the {n} is {c}?|The {n} is {c}, correct?
        Is the {n} in {c}?|Would you call the {n} {c}?|Does the {n} have the color {c}?|Is the {n} shown in {c}?|Yes or no: is the {n} {c}?
        Tell me if the {n} is {c}.|Check if the {n} is {c}.|Am I right that the {n} is {c}?|Is the {n} of {c} color?""",
    "colour_choice": """The {n}: {c} or {d}?|{c} or {d}, what color is the {n}?|What is the color of the {n}, {c} or {d}?
        Is the {n} {c}, or is it {d}?
        Is that {n} {c} or {d}?|Tell me if the {n} is {c} or {d}.|Would you say the {n} is {c} or {d}?|Which color has the {n}: {c} or {d}?
        Do you see the {n} as {c} or {d}?""",
    "shape_is": """Is the {c} figure {a}?|Does the {c} one look like {a}?|Would you say the {c} shape is {a}?|The {c} shape is {a}, right?
        Do you think the {c} shape is {a}?|Tell me if the {c} shape is {a}.|Is that {c} shape {a}?|Would you call the {c} thing {a}?
        Yes or no: is the {c} shape {a}?|Check if the {c} shape is {a}.""",
    "count_is": """{k} {pl}?|Do you count {k} {pl}?|Do we see {k} {pl}?|Are {k} {pl} there?|Are {k} {pl} shown?|Are {k} {pl} in the {img}?
        Are {k} {pl} visible?|There are {k} {pl}, right?|Would you say there are {k} {pl}?|Can I see {k} {pl}?|Is it right that there are {k} {pl}?
        Tell me if there are {k} {pl}.|Check if there are {k} {pl}.|Yes or no: are there {k} {pl}?""",
    "count_exact": """Exactly {k} {pl}?|Are there {k} {pl} exactly?|Is {k} the right number of {pl}?|Is {k} the exact number of {pl}?
        There are exactly {k} {pl}, right?|Would you say there are exactly {k} {pl}?|Can you see exactly {k} {pl}?
        Does the {img} contain exactly {k} {pl}?|Tell me if there are exactly {k} {pl}.|Are there {k} {pl}, no more and no less?
        Is the exact number of {pl} {k}?|Do we have exactly {k} {pl}?""",
    "is_this": """{a}?|Could this be {a}?|Is this supposed to be {a}?|This is {a}, right?|It is {a}, correct?|Am I looking at {a}?|Is {a} shown here?
        Is this thing {a}?|Is this object {a}?|Would you call this {a}?|Tell me if this is {a}.|Yes or no: is this {a}?|So this is {a}?|This is {a}?
        Is what you see {a}?|Does this look like {a} to you?""",
    "shape": """Shape?|The shape?|What's the shape?|Which shape do you see?|Which shape is in the {img}?|What shape can you see?
        What shape do we have here?
        Tell me the shape.|Tell me what shape it is.|Tell me which shape you see.|Say which shape this is.|Identify the shape.|Can you name the shape?
        Can you tell me the shape?|Please name the shape.|Give me the shape.|Of what shape is it?|What is the shape of the object?
        What is the shape of this?|What is its shape?|What geometric shape is this?|What figure is this?|Which geometric shape do you see?
        Which shape is it?|What shape is that?""",
    "only_colour": """Color?|Colour?|What's the color?|What is its color?|What color is this?|What color is this shape?|What color is this object?
        What color is this thing?|Color of the shape?|Tell me the color.|Tell me the color of the shape.|Tell me what color it is.|Name the color.
        Name the color of the shape.|Say what color it is.|Can you tell me the color?|Can you tell the color of the shape?|Which color is this?
        What color does it have?|In what color is the shape?|Give me the color.|What color would you say it is?|What is the color of the object?
        What is the color of this?""",
    "shape_colour": """Which {c} shape is there?|Which {c} shape do you see?|Which {c} shape is in the {img}?|Tell me what shape the {c} one is.
        Name the shape that is {c}.|Say which shape is {c}.|Can you name the {c} shape?|Identify the {c} shape.|What {c} shape can you see?
        What {c} figure is there?|Which figure is {c}?|Tell me the {c} shape.|What shape does the {c} one have?|Shape of the {c} one?
        What is the shape that is {c}?|What's the {c} shape?|What form does the {c} one have?""",
    "count": """Number of {pl}|Number of {pl} in the {img}?|{pl}: how many?|Count of {pl}?|Count {pl}.|How many {pl} in the {img}?
        How many {pl} in total?
        How many {pl} here?|Tell me the number of {pl}.|Give me the number of {pl}.|How many {pl} would you say there are?|What's the number of {pl}?
        Can you tell me how many {pl} there are?|Could you count the {pl}?|I need the number of {pl}.|Amount of {pl}?|The number of {pl}?
        What is the total number of {pl}?|How many {pl} are present?|How many {pl} do we have?|How many {pl} does the {img} contain?
        How many {pl} do you count?|How many {pl} do we see?|How many {pl} can I see?|How many {pl} exist in the {img}?|Say how many {pl} there are.
        How many {pl} are there in the {img}?|How many {pl} are there in total?|Count all the {pl}.|And how many {pl}?
        I want to know how many {pl} there are.|Please tell me how many {pl} you see.|What is the exact number of {pl}?
        How many {pl} did you find?""",
    "where": """Position of the {n}|Position of the {n}?|Location of the {n}|Location of the {n}?|The position of the {n}?
        The position of the {n}, please.
        The location of the {n}, please.|{n}, where?|The {n}, where is it?|Where is the {n} exactly?|The {n} is where?|The {n}: where is it?
        Where in the {img} is the {n}?|Where on the {img} is the {n}?|Where would I find the {n}?|Where do I find the {n}?|Where can the {n} be found?
        What is the location of the {n}?|What is the place of the {n}?|What position does the {n} have?|What's the {n}'s position?
        What is the {n}'s location?|What is the position of the {n} in the {img}?|In what position is the {n}?|At what position is the {n}?
        Give me the position of the {n}.|Give me the location of the {n}.|Tell me the position of the {n}.|Tell me the location of the {n}.
        Say where the {n} is.|Describe the position of the {n}.|Describe where the {n} is.|Name the position of the {n}.|Find the {n}.
        Please find the {n}.|Please locate the {n} for me.|Can you locate the {n}?|Could you locate the {n}?|Could you tell me where the {n} is?
        Can you tell me where the {n} is?|Do you know where the {n} is?|Show me where the {n} is.|I am looking for the {n}. Where is it?
        I want to know where the {n} is.|Where does the {n} appear?|Where is the {n} placed?|Where is the {n} shown?
        Where is the {n} to be found?|Where is the {n} positioned?|Where is the {n} situated?|Where has the {n} been placed?|Where do we see the {n}?
        Where can I see the {n}?|Where can you see the {n}?|Where does one see the {n}?|Whereabouts is the {n}?|And where is the {n}?
        Which area of the {img} is the {n} in?|Which area of the {img} shows the {n}?|Which part of the {img} shows the {n}?
        Which part of the {img} is the {n} in?|In which area is the {n}?|In which area of the {img} is the {n}?|In what part of the {img} is the {n}?
        In which place is the {n}?|At which place do you see the {n}?|Spot the {n}. Where is it?|Look for the {n}. Where is it?""",
    "in_zone": """The {n}: is it in {z}?|Is the {n} somewhere in {z}?|Is the {n} placed in {z}?|Is the {n} shown in {z}?
        Is the {n} to be found in {z}?
        Does the {n} appear in {z}?|Would you say the {n} is in {z}?|Can you see the {n} in {z}?|The {n} is in {z}, correct?
        Tell me if the {n} is in {z}.|Check if the {n} is in {z}.|Yes or no: is the {n} in {z}?|The {n} in {z}?""",
    "rel_yn": """{x} {rel} {y}?|{X} is {rel} {y}, correct?|Is {x} shown {rel} {y}?|Is {x} to be seen {rel} {y}?|Is {x} drawn {rel} {y}?
        Can you see {x} {rel} {y}?|Do you find {x} {rel} {y}?|Is {x} positioned {rel} {y}?|Is {x} situated {rel} {y}?|Is it so that {x} is {rel} {y}?
        Am I right that {x} is {rel} {y}?|Tell me whether {x} is {rel} {y}.|Say if {x} is {rel} {y}.|Yes or no: is {x} {rel} {y}?
        Do you think {x} is {rel} {y}?|Could you check if {x} is {rel} {y}?|Is it correct that {x} is {rel} {y}?|Does {x} stand {rel} {y}?""",
    "rel_what": """{rel} {y}?|And {rel} {y}?|What about {rel} {y}?|{rel} {y}, what is there?|{rel} {y}, what do you see?|Object {rel} {y}?
        The object {rel} {y}?|Which thing is {rel} {y}?|What thing do you see {rel} {y}?|What can you see {rel} {y}?|What can be seen {rel} {y}?
        What do we see {rel} {y}?|What do you find {rel} {y}?|What is shown {rel} {y}?|What is to be seen {rel} {y}?|What is positioned {rel} {y}?
        What stands {rel} {y}?|What sits {rel} {y}?|What is the object {rel} {y}?|What is the thing {rel} {y}?|What is that {rel} {y}?
        Name the thing {rel} {y}.|Name what is {rel} {y}.|Identify the object {rel} {y}.|Say what is {rel} {y}.|Tell me what you see {rel} {y}.
        Can you tell me what is {rel} {y}?|Can you name the object {rel} {y}?|Do you know what is {rel} {y}?|Which item is {rel} {y}?
        What item is {rel} {y}?|Tell me the object {rel} {y}.|Can you see what is {rel} {y}?""",
    "near": """Next to {y}?|And next to {y}?|Beside {y}?|Neighbor of {y}?|What's beside {y}?|What's near {y}?|What's closest to {y}?
        What's nearest to {y}?
        What do you see beside {y}?|What do you see near {y}?|What can you see next to {y}?|What can be seen next to {y}?|What sits next to {y}?
        What sits beside {y}?|What is located next to {y}?|What is shown next to {y}?|What is the closest object to {y}?
        What is the nearest thing to {y}?|Which is the object closest to {y}?|Which object is near {y}?|Which object is closest to {y}?
        Which item is closest to {y}?|Name the object closest to {y}.|Name the nearest object to {y}.|Name the neighbor of {y}.
        Identify the object next to {y}.|Say what is next to {y}.|Tell me what is closest to {y}.|Tell me what is beside {y}.
        Can you tell me what is next to {y}?|Do you know what is next to {y}?|What object is nearest to {y}?|What object is next to {y}?
        Object next to {y}?|The object nearest to {y}?|What is there next to {y}?|What is placed next to {y}?""",
    "between": """Between {x} and {y}?|And between {x} and {y}?|Object between {x} and {y}?|The object between {x} and {y}?
        What thing is between {x} and {y}?
        What object is between {x} and {y}?|What is the object between {x} and {y}?|What is the thing between {x} and {y}?
        What's in between {x} and {y}?|What is there in between {x} and {y}?|What can be seen between {x} and {y}?
        What can be found between {x} and {y}?
        What is shown between {x} and {y}?|What is found between {x} and {y}?|What do we see between {x} and {y}?|What sits between {x} and {y}?
        What object do you see between {x} and {y}?|Which thing stands between {x} and {y}?|Which item is between {x} and {y}?
        Name the object between {x} and {y}.|Name what is between {x} and {y}.|Identify the object between {x} and {y}.
        Say what is between {x} and {y}.|Can you tell me what is between {x} and {y}?|Can you name the thing between {x} and {y}?
        Do you know what is between {x} and {y}?|In between {x} and {y}, what do you see?|Between {x} and {y}, what do you see?
        Look between {x} and {y}. What is there?|What have we got between {x} and {y}?|What is positioned between {x} and {y}?""",
    "more": """Are the {p} more numerous than the {q}?|Is there a greater number of {p} than {q}?|Are {p} more common than {q}?
        There are more {p} than {q}, right?|Tell me if there are more {p} than {q}.|Do you count more {p} than {q}?
        Is the count of {p} greater than the count of {q}?|Does the {img} show more {p} than {q}?|Does the {img} contain more {p} than {q}?
        Yes or no: are there more {p} than {q}?|Do we have more {p} than {q}?|Are there more of the {p} than of the {q}?""",
    "fewer": """Are the {p} fewer than the {q}?|Is there a smaller number of {p} than {q}?|There are fewer {p} than {q}, right?
        Tell me if there are fewer {p} than {q}.|Do you count fewer {p} than {q}?|Is the count of {p} smaller than the count of {q}?
        Does the {img} show fewer {p} than {q}?|Does the {img} contain fewer {p} than {q}?|Yes or no: are there fewer {p} than {q}?
        Do we have fewer {p} than {q}?|Are there fewer of the {p} than of the {q}?""",
    "same": """Are there equally many {p} and {q}?|Is there an equal number of {p} and {q}?|Equal numbers of {p} and {q}?|Same number of {p} and {q}?
        Is the count of {p} the same as the count of {q}?|Does the {img} show as many {p} as {q}?|Do you count as many {p} as {q}?
        Tell me if there are as many {p} as {q}.|Does the number of {p} equal the number of {q}?|Can you see as many {p} as {q}?
        Yes or no: are there as many {p} as {q}?|Is it true that there are as many {p} as {q}?|Are the {p} and the {q} the same number?""",
    "which_more": """What do you see more of, {p} or {q}?|Which do you see more of, {p} or {q}?|Which are more numerous, {p} or {q}?
        Which is there more of, {p} or {q}?|Which are more common, {p} or {q}?|What is more common here, {p} or {q}?
        Which group is larger, {p} or {q}?
        Are the {p} or the {q} more numerous?|Of which are there more, {p} or {q}?|Tell me which are more numerous, {p} or {q}.
        Do you count more {p} or more {q}?|Can you see more {p} or {q}?|{P} or {q}, what do you see more of?|What are there more of, {p} or {q}?
        Does the {img} contain more {p} or more {q}?""",
    "size_yn": """{x} {cmp} than {y}?|{X} is {cmp} than {y}, correct?|Is {x} really {cmp} than {y}?|Is {x} {cmp} in size than {y}?
        Tell me whether {x} is {cmp} than {y}.|Say if {x} is {cmp} than {y}.|Am I right that {x} is {cmp} than {y}?
        Is it correct that {x} is {cmp} than {y}?|Yes or no: is {x} {cmp} than {y}?|Is {x} shown {cmp} than {y}?
        Is {x} the {cmp} one of the two, with {y}?""",
    "size_wh": """Which would you say is {cmp}, {x} or {y}?|Which do you think is {cmp}, {x} or {y}?|Which item is {cmp}, {x} or {y}?
        What object is {cmp}, {x} or {y}?|Which one of these is {cmp}: {x} or {y}?|Which one looks {cmp}, {x} or {y}?
        Which one appears {cmp}, {x} or {y}?
        Tell me what is {cmp}, {x} or {y}.|Say which is {cmp}, {x} or {y}.|Can you tell which is {cmp}, {x} or {y}?
        Compare {x} and {y}. Which is {cmp}?|If you compare {x} with {y}, which is {cmp}?|{X} or {y}, what is {cmp}?|The {cmp} one, {x} or {y}?""",
    "same_colour": """{x} and {y}, same color?|Are {x} and {y} of the same color?|Is the color of {x} equal to the color of {y}?
        Is {x} colored like {y}?
        Are {x} and {y} colored the same?|Are {x} and {y} equal in color?|Are {x} and {y} alike in color?|Have {x} and {y} got the same color?
        Tell me if {x} and {y} have the same color.|Is it true that {x} and {y} have the same color?|Are the colors of {x} and {y} the same?
        Is {x} of the same color as {y}?|Would you say {x} and {y} have the same color?|Is the color the same for {x} and {y}?
        Yes or no: are {x} and {y} the same color?|Do {x} and {y} agree in color?""",
    "all_kind": """All the same kind?|Everything the same kind?|Is everything here the same kind of thing?|Is everything the same kind of object?
        Are these all the same kind of object?|Are all of these the same kind?|Is there just one kind of object?|Is there just one kind of thing?
        Is only one kind of object shown?|Are all the things of one kind?|Do you see just one kind of thing?
        Does the {img} show only one kind of object?
        Is it true that all objects are the same kind?|Would you say all objects are the same kind?|Is every item of the same kind?
        Tell me if all objects are of the same kind.""",
    "all_colour": """All the same color?|Are all of the shapes the same color?|Do all shapes have one color?|Do all the objects have the same color?
        Are the shapes of one color?|Does every shape have the same color?|Do the colors of all shapes match?|Are all the things the same color?
        Is it true that all shapes are the same color?|Tell me if all shapes have the same color.|Are the shapes all of the same color?""",
    "all_shape": """All the same shape?|Do all the things have the same shape?|Are they all the same shape?|Are the shapes all of one kind?
        Does every object have the same shape?|Are all things the same shape?|Is everything the same shape?|Do the objects share one shape?
        Tell me if all objects have the same shape.|Do you see only one kind of shape?""",
    "odd": """Odd one out?|The odd one out?|Which is the odd one out?|Who is the odd one out?|Which is different?|Which one is different?
        What is different?
        What is different here?|Which object differs from the rest?|Which object differs from the others?|Which thing differs?
        Which thing is different from the rest?|Which object is odd?|Which object is the odd one out?|Tell me the odd one out.
        Tell me which one is different.|Identify the odd one out.|Pick the odd one out.|Pick out the one that is different.|Spot the odd one out.
        Find the odd one out.|Find the object that is different.|Find the one that does not belong.|Name the one that does not fit.
        Name the object that is different.|One thing is not like the others. Which one?|One object does not fit. Which?|Which one does not fit?
        Which object does not fit?|What does not belong?|What does not belong here?|Which item is different?|Which item does not fit?
        Which of these is different?|Which of these does not belong?|Can you find the odd one out?|Can you spot the odd one?|What stands out?
        Which one stands out?|Which thing stands out?|What is the different one?|Which is not like the others?|What is unlike the others?""",
    "read": """Text?|The text?|The text, please.|What's written?|What's written here?|What does it say here?|What does it say there?
        Read that.|Read aloud.
        Read it aloud.|Read it for me.|Read this for me.|Please read.|Please read this.|Please read it.|What can you read?|What can be read?
        What can you read in the {img}?|What do you read?|What do you read here?|Can you read this?|Can you read it?|Can you read that for me?
        Could you read it to me?|Could you read the text?|Would you read the text?|Give me the text.|Text in the {img}?|What text is this?
        What text is there?|What text can you see?|What text can you read?|Which text do you see?|Which text is in the {img}?|What is spelled here?
        What does this say?|What does that say?|What does this text say?|What is it saying?|What message do you see?|What is the message?
        What's the message?|Extract the text.|Copy the text.|Type out the text.|Write down the text.|Write what it says.|Transcribe this.
        Transcribe what is written.|Transcribe the text in the {img}.|Do OCR.|OCR, please.|Repeat the text.|Tell me what is written in the {img}.
        Tell me what is written here.|Tell me what the text says.|Tell me what you read.|Please tell me what it says here.
        Can you tell me what it says?|Could you tell me what is written?|Do you know what it says?|Do you know what is written?
        I can't read it. What does it say?|I cannot read this. What is written?|What is written on the sign?|What is written on it?
        What is written there?|What is to be read here?|What stands here?|What is the text saying?|What is the text in the {img}?
        Say what it says.|Say what you read.|What's printed?|What is printed?|What is printed on it?|What are the letters here?""",
    "read_word": """Word?|The word?|The word, please.|Which word is it?|Which word is in the {img}?|Which word is shown?|Which word can you read?
        What word do you see?|What word do you read?|What word can you read?|What word is it?|What word is that?|What word is here?
        What word is written?
        What word is written here?|What word is shown?|What word does it say?|Tell me the word.|Tell me what word it is.|Name the word.
        Can you read the word?|Could you read the word?|Give me the word.|What does the word say?|What is the written word?|Say the word.
        Transcribe the word.|Which word appears?|What word appears in the {img}?|Read the word to me.|Do you know what word this is?""",
    "read_number": """Number?|The number?|The number, please.|Which number is it?|Which number is this?|Which number do you see?
        Which number is in the {img}?
        What number is it?|What number is shown?|What number is written here?|What number can you read?|What number can you see?|What's the number?
        Can you read the number?|Could you read the number?|Give me the number.|Say the number.|Name the number.|Read the number to me.
        Which digits do you see?|What digits are these?|Read the digits.|What are the digits?|What does the number say?""",
    "read_letter": """Letter?|The letter?|The letter, please.|What letter do you see?|What letter is it?|What letter is shown?|What letter is written?
        What letter can you read?|Which letter is it?|Which letter is this?|Which letter is written here?|Which letter is in the {img}?
        Tell me the letter.
        Name the letter.|Say the letter.|Give me the letter.|Can you read the letter?|Please read the letter.""",
    "read_top": """Top line?|First line?|The first line?|The top line, please.|Upper line?|What is the text at the top?
        What is written in the first line?
        What is written in the top line?|What is written in the upper line?|Tell me the first line.|Tell me the top line.
        Tell me what the first line says.|Tell me what is written at the top.|Read the text at the top.|Read the upper line.|Read the upper text.
        Read what is written at the top.|Please read the first line.|Please read the top line.|Can you read the first line?|Can you read the top line?
        What text is at the top?|What text is in the first line?|Which text is in the top line?|What does it say at the top?
        What does it say in the first line?|What does the upper text say?|Give me the first line.|Give me the top line.|What can you read at the top?
        Only the first line, please.|What is the text in the top line?""",
    "read_bottom": """Bottom line?|Last line?|The last line?|The bottom line, please.|Lower line?|What is the text at the bottom?
        What is written in the last line?
        What is written in the bottom line?|What is written in the lower line?|Tell me the last line.|Tell me the bottom line.
        Tell me what the last line says.|Tell me what is written at the bottom.|Read the text at the bottom.|Read the lower line.|Read the lower text.
        Read what is written at the bottom.|Please read the last line.|Please read the bottom line.|Can you read the last line?
        Can you read the bottom line?|What text is at the bottom?|What text is in the last line?|Which text is in the bottom line?
        What does it say at the bottom?|What does it say in the last line?|What does the lower text say?|Give me the last line.
        Give me the bottom line.
        What can you read at the bottom?|Only the last line, please.|What is the text in the bottom line?""",
    "spelled": """Does it spell {w}?|Does the word say {w}?|Does the writing say {w}?|Is {w} what it says?|Is {w} what is written?
        Is {w} written here?
        Is {w} written there?|Is the word {w} there?|Is there the word {w}?|Do you see the word {w}?|Do you see the text {w}?|Can you read {w}?
        Can you read {w} here?|Can you see the word {w}?|It says {w}, right?|Tell me if it says {w}.|Check if it says {w}.|Would you say it says {w}?
        Does the text read {w}?|Does the sign read {w}?|Does the {img} contain the word {w}?|Does the {img} show the word {w}?
        Yes or no: does it say {w}?""",
    "any_text": """Any text?|Any writing?|Any writing here?|Any text to read?|Is there any writing?|Is there any text here?
        Is there some text?|Is there a text?
        Is there writing here?|Is there anything written?|Is there anything to read?|Anything written?|Anything written here?|Anything to read?
        Is there something to read?|Is something written here?|Is something written?|Is something written there?|Is anything written here?
        Is anything written in the {img}?|Is anything written on it?|Has anything been written?|Can you see text?|Can you see any writing?
        Can you read anything?|Can you read something?|Can anything be read?|Can you see something written?|Do you see writing?
        Do you see any writing?
        Do you see text here?|Do you see something written?|Do you see anything written?|Does it contain any text?|Does it have text?
        Does the {img} have text?|Does the {img} contain writing?|Does the {img} include text?|Is any writing visible?|Is any text visible?
        Is any text in the {img}?|Is writing visible?|Is there text on it?|Tell me if there is any text.|Tell me if something is written.
        Yes or no: is there text?|Can you tell me if anything is written?""",
    "text_colour": """Color of the text?|Colour of the text?|Color of the letters?|Text color?|What's the text color?|What is the text color?
        What is the color of the writing?|What color do the letters have?|What color does the text have?|What color does the writing have?
        What color is the lettering?|What color are the characters?|What color is the font?|What is the font color?|In what color are the letters?
        In what color is the text?|In what color is the text written?|In which color is the text written?|In which color is it written?
        Which color is the text?|Which color is the writing?|Which color do the letters have?|Name the color of the text.|Name the text color.
        Tell me the text color.|Tell me what color the text is.|Tell me the color of the letters.|Tell me the color of the writing.
        The letters are what color?|Say the color of the text.|Can you tell me the color of the text?|Give me the color of the text.
        How are the letters colored?""",
    "plate_colour": """Color of the sign?|Colour of the sign?|Sign color?|What's the color of the sign?|What is the color of the plate?
        What is the color of the board?
        What is the color of the label?|What is the color behind the text?|What is the color behind the letters?|What is the color around the text?
        What color is behind the letters?|What color is behind the writing?|What color lies behind the text?|What color do you see behind the text?
        What color do you see behind the letters?|Which color is behind the text?|Which color is behind the letters?
        Which color surrounds the letters?
        Which color is the plate?|Which color is the board?|Which color does the sign have?|On what color is the text?|On what color is it written?
        On what color is the text written?|On which color is the text written?|What color is the text on?|What color is the surface behind the text?
        What color is the area behind the text?|What color is the area around the text?|What color is the board behind the text?
        The color behind the text?|Tell me the color of the sign.|Tell me the color behind the text.|Tell me what color is behind the text.
        Name the color of the sign.|Name the color behind the text.|The sign is what color?|What color is under the text?
        What is the sign's color?""",
    "hop_colour": """Color of the {t} {rel} {y}?|Which color does the {t} {rel} {y} have?|In what color is the {t} {rel} {y}?
        The {t} {rel} {y} is what color?
        Give me the color of the {t} {rel} {y}.|Say the color of the {t} {rel} {y}.|Can you tell me the color of the {t} {rel} {y}?
        Tell me what color the {t} {rel} {y} is.|Look at the {t} {rel} {y}. What color is it?|The color of the {t} {rel} {y}, please.""",
    "hop_shape": """Shape {rel} {y}?|The shape {rel} {y}?|What shape can you see {rel} {y}?|What shape can be seen {rel} {y}?
        What shape is placed {rel} {y}?
        What shape is there {rel} {y}?|Which shape do you see {rel} {y}?|Which shape can you see {rel} {y}?|Which shape is located {rel} {y}?
        Which shape is there {rel} {y}?|Identify the shape {rel} {y}.|Say which shape is {rel} {y}.|Tell me the shape {rel} {y}.
        Can you name the shape {rel} {y}?|What's the shape {rel} {y}?|{rel} {y}, which shape is there?|{rel} {y}, what shape do you see?""",
    "hop_count": """Count of objects {rel} {y}?|Count the things {rel} {y}.|Count the items {rel} {y}.|Count all objects {rel} {y}.
        How many items do you see {rel} {y}?|How many items are there {rel} {y}?|How many things are there {rel} {y}?
        How many things are located {rel} {y}?|How many things can you see {rel} {y}?|How many things can you count {rel} {y}?
        How many objects can be seen {rel} {y}?|How many objects can you count {rel} {y}?|How many objects are placed {rel} {y}?
        How many objects lie {rel} {y}?|How many objects appear {rel} {y}?|How many objects in total are {rel} {y}?
        Tell me how many objects are {rel} {y}.|Tell me the number of objects {rel} {y}.|Can you count the objects {rel} {y}?
        Please count the objects {rel} {y}.|What is the count of objects {rel} {y}?|{rel} {y}, how many objects are there?
        {rel} {y}, how many things do you see?""",
    "hop_extreme": """Color of the {sup} object?|What is the color of the {sup} object?|What's the color of the {sup} object?
        What color is the {sup} thing?
        What color does the {sup} object have?|What color does the {sup} one have?|Which color is the {sup} object?|Which color is the {sup} one?
        Tell me the color of the {sup} object.|Say the color of the {sup} object.|Give me the color of the {sup} one.|The {sup} object is what color?
        In what color is the {sup} object?|What is the {sup} object's color?|What is the color of the {sup} one?
        Can you tell me the color of the {sup} object?""",
    "claim": """True or false? {s}|{s} Correct? Answer true or false.|{s} Answer with true or false.|{s} Answer true or false.|{s} Say true or false.
        {s} Is this true or false?|{s} Is it true or false?|{s} (true or false)|{s} (True or false?)|Judge whether this is true or false: {l}
        Tell me whether this is true or false: {l}|Statement: {l} True or false?|Consider this: {l} True or false?|Say true or false: {l}
        Answer true or false: {l}|Answer with true or false: {l}|Is the following true or false? {s}|Is the following statement true or false? {s}
        Is this statement true or false: {l}|{s} Is this statement true or false?|{s} Tell me if it is true or false.|I say: {l} True or false?
        {s} Am I right? Answer true or false.|{s} Do you agree? Answer true or false.|{s} True, or false?""",
    "list": """Objects?|List the things.|Name the objects.|Name the things.|What objects are there?|What things are there?|What items do you see?
        List every object.|List all things.|List all things you see.|Give me a list.|Give me a list of objects.|A list of the objects, please.
        Please list the objects.|Please list everything.|Please name all objects.|Can you list everything?|Can you list all the objects?
        Could you list the objects?|Can you name everything?|Can you name all the objects?|Tell me everything you see.|Tell me all that you see.
        Tell me which objects you see.|Tell me what things are in the {img}.|Mention all the objects.|Which objects can be seen?
        Which objects are visible?|What objects do you see?|What things can you see?|Which things are in the {img}?|What all can you see?
        What are the objects?|What are the things?|What are the items?|What does the {img} contain?|What is the content of the {img}?
        I want a list of all objects.|I need a list of the objects.|Enumerate everything.|Enumerate all objects.|List the items.|List all items.
        Write down all the objects.|Which objects can you see?|Which items do you see?|What different things do you see?""",
    "caption": """Caption?|Caption, please.|Caption this.|Caption it.|Description?|Description, please.|Describe.|Describe what you can see.
        Describe what is in the {img}.|Describe what is there.|Describe what is here.|Describe the contents of the {img}.|Describe it briefly.
        Describe it in one sentence.|Describe it for me.|Describe this {img} in one sentence.|Describe this for me.|Describe the scene briefly.
        Describe the scene in one sentence.|Give me a short description.|Give me a brief description.|Give me a one-line description.
        Give a brief description of the {img}.|Give a short caption.|Give a caption for this {img}.|Give a summary of the {img}.
        Summarize what you see.
        Summarize this.|Write a short caption.|Write a short description.|Write a description of this {img}.
        Write a sentence that describes the {img}.
        Make a short description.|Provide a caption.|Provide a short description.|Provide a brief description of the {img}.|Could you describe it?
        Could you give a short description?|Could you describe the scene?|Can you describe it?|Can you describe this?|Can you describe the scene?
        Can you describe what you see?|Can you give me a description?|Can you summarize the {img}?|Please describe it.|Please describe this.
        Please describe what you see.|Please write a caption.|Please summarize the {img}.|How would you describe it?|How would you caption this?
        What would be a good caption?|What is a good caption for this {img}?|What is a short description of the {img}?|What's going on in this {img}?
        What's happening here?|What is going on here?|Tell me about this {img}.|In one sentence, describe the {img}.
        In a few words, describe the {img}.
        I am blind. Describe the {img} to me.|I can't see the {img}. Describe it.|Explain the {img}.|Explain what you see.|Explain this {img}.
        Talk about the {img}.|Put the {img} into words.|Put what you see into words.""",
    "bg_colour": """Background color?|Background colour?|The background color?|Color of the background?|The color of the background, please.
        What's the background color?|What color has the background?|What color is the backdrop?|What color is used for the background?
        What is the color in the background?|What color is there in the background?|What color do you see in the background?
        Which color is behind everything?|Which color is in the background?|Which background color do you see?|In what color is the background?
        Tell me what color the background is.|Say the background color.|Say what color the background is.|Give me the background color.
        Can you tell me the background color?|Can you name the background color?|The background has what color?|What color lies behind the objects?
        What color is behind the things?|How is the background colored?""",
    "bg_pattern": """How would you describe the background?|Can you describe the background?|Tell me how the background looks.
        What sort of background is it?
        What sort of background do you see?|What kind of background do you see?|What kind of background does the {img} have?
        Say what the background looks like.|Please describe what the background looks like.|Tell me what kind of background it is.""",
    "photo_is": """{a}?|Could this be {a}?|This is {a}, right?|It is {a}, correct?|Am I looking at {a}?|Is this thing {a}?|Is this object {a}?
        Would you call this {a}?|Tell me if this is {a}.|Yes or no: is this {a}?|So this is {a}?|This is {a}?|Is {a} in the {img}?|Can you spot {a}?
        Is there {a} here?|Tell me if you see {a}.|Does it show {a}?|Is that {a}?|Can {a} be seen?|Is {a} there?""",
    "choice": """{a} or {b}?|Is that {a} or {b}?|What do you see, {a} or {b}?|What is it, {a} or {b}?|What is shown, {a} or {b}?
        Which do you see, {a} or {b}?|Which is shown, {a} or {b}?|Which one is it, {a} or {b}?|Which of the two is it, {a} or {b}?
        Would you call this {a} or {b}?|Would you say it is {a} or {b}?|Does this look like {a} or {b}?|Tell me if this is {a} or {b}.
        Is this thing {a} or {b}?|Is the object {a} or {b}?|Am I looking at {a} or {b}?|Do you think it is {a} or {b}?""",
    "photo_kind": """What kind of thing do you see?|What kind of thing is it?|What kind of thing is shown?|What kind of object is it?
        What kind of object is shown?
        What type of thing is this?|What type of object is this?|What type of thing is shown?|What sort of thing is it?|What sort of thing do you see?
        What sort of object is this?|What category is it?|What category does it belong to?|To what category does this belong?
        To which category does it belong?|Which category is this?|Which category is it?|What is the category?|Category?|Name the category.
        Tell me the category.|Tell me what kind of thing this is.|What class of object is this?|What class does this belong to?
        What general category is this?|Say what kind of thing it is.|In which category would you put this?|Broadly, what kind of object is this?""",
    "medium_which": """Is it a photo or a drawing?|Is this a drawing or a photo?|A photo or a drawing?|Drawing or photo?|Drawn or photographed?
        Is it drawn or photographed?|Is that a photo or a drawing?|Is this a photograph or a drawing?|Tell me if this is a photo or a drawing.
        What is this, a photo or a drawing?|Which is it, a photo or a drawing?""",
    "medium_photo": """Photo?|A photo?|A photograph?|Is it a photograph?|Is it a real photo?|Is that a photo?|Is that a photograph?
        Was this photographed?
        Was it taken with a camera?|Am I looking at a photo?|Am I looking at a photograph?|Would you say this is a photo?
        Do you think this is a photo?
        Does this come from a camera?|Yes or no: is this a photo?""",
    "medium_drawing": """Drawing?|A drawing?|Is it drawn?|Is that a drawing?|Is that drawn?|Was this drawn?|Am I looking at a drawing?
        Is this an illustration?
        Is it an illustration?|Would you say this is a drawing?|Do you think this is a drawing?|Are the things drawn?|Has this been drawn?""",
    "photo_count": """Number of photos?|How many photos can you see?|How many photos are here?|How many photos are shown?
        How many photos make up the collage?
        How many photos make up this {img}?|How many photos does the collage have?|How many pictures make up the collage?|How many photos?
        Count the photos.|Please count the photos.|Tell me how many photos there are.|What is the number of photos?|How many single photos are there?
        How many parts does the collage have?|How many pictures are put together here?|How many photos are combined?|Can you count the photos?""",
    "so_many": """How many exactly?|How many do you see?|How many do you count?|How many can you see?|How many can you count?
        How many are in the {img}?
        How many are here?|How many are visible?|How many of these?|How many of these are there?|How many of them can you see?
        How many of them do you count?|How many then?|So how many?|So how many are there?|Then how many?|And how many do you see?
        And how many of them?|And what is their number?|What is their number?|Their number?|Count those.|Please count them.|Can you count them?
        Could you count them?|Tell me how many.|Tell me how many there are.|Say how many.|How many would you say?""",
    "it_where": """Position?|Its position?|Location?|Its location?|And its position?|And the position?|What is its location?
        What's its position?|What's its location?
        In which part of the {img}?|In which part of the {img} is it?|In what part of the {img} is it?|Where in the {img}?|Where in the {img} is it?
        Where on the {img} is it?|Where exactly is it?|Where is it exactly?|And where exactly?|And where exactly is it?|And where is that?
        Where can it be found?|Where would I find it?|Where do I find it?|Where can I see it?|Where does it appear?|Where is it placed?
        Where is it shown?|Where is it positioned?|Whereabouts?|Locate it.|Can you locate it?|Say where it is.|Tell me its position.
        Tell me its location.|Tell me where.|Can you tell me where it is?|Could you tell me where it is?|Give me its position.
        Do you know where it is?""",
    "it_colour": """Its color?|What's its color?|And what is its color?|And which color?|And which color is it?|And what color does it have?
        What color is that?|What color is that one?|Which color does it have?|Which color has it?|Of what color is it?|In what color?
        In what color is it?
        Tell me the color.|Tell me what color it is.|Say its color.|Name its color.|What is the color of it?|What's the color?|What is the color?""",
    "it_near": """Next to it?|And next to it?|And beside it?|What's beside it?|What's near it?|What's closest to it?|What is near it?
        And what is beside it?
        And what is closest to it?|And what is near it?|What object is next to it?|What object is closest to it?|Which object is next to it?
        Which object is closest to it?|Which thing is next to it?|Which thing is closest to it?|What can you see next to it?
        What do you see beside it?
        What is its neighbor?|What is right next to it?|What stands next to it?|What lies next to it?|Its neighbor?|Tell me what is next to it.
        Name the object next to it.|Name what is next to it.""",
    "it_rel": """{rel} it?|And {rel} it?|What about {rel} it?|What's {rel} it?|And what's {rel} it?|What object is {rel} it?|What thing is {rel} it?
        Which thing is {rel} it?|What can you see {rel} it?|What can be seen {rel} it?|And what do you see {rel} it?|What is there {rel} it?
        What is located {rel} it?|What is placed {rel} it?|Tell me what is {rel} it.|Name the object {rel} it.|Name what is {rel} it.""",
    "sure": """Are you sure of it?|Are you sure of that?|Are you quite sure?|Are you very sure?|Are you certain of that?|Are you certain about that?
        Are you confident?|Are you really certain?|Is that really so?|Is that true?|Is this right?|Is this correct?|Is it true?|Truly?|Seriously?
        For real?|For sure?|Certain?|You are sure?|So you are sure?|Do you really think so?|Do you think so?|Are you absolutely sure?
        Can you confirm that?|Please check again.|Check again.|Look again.|Please look again.|You are sure about that?""",
    "what_about": """And {a}, too?|What of {a}?|And {a}, is there one?|{a} too?|{a} as well?|Also {a}?|And {a} as well?|Is there also {a}?
        And is there also {a}?|And is {a} there?|Is {a} there too?|Or {a}?|Or is there {a}?|And do you see {a} too?|Do you also see {a}?
        Can you also see {a}?|And can you see {a} too?|Can you see {a} as well?|So what about {a}?|Then what about {a}?|And then {a}?|Then {a}?
        Maybe {a}?|And is there {a} too?|And is there {a} as well?|Okay, and {a}?|Well, and {a}?|Now {a}?|And how about {a}?""",
}
