"""Questions that a picture cannot answer, and questions that are not about it. [a|b] stands for one of several words.

A fifth of the patterns, by hash, is never used in training, like the other wordings.
"""
import re

UNKNOWABLE = """Who [made|took|drew|painted|sent|edited|found|saved] this {img}?
Who [owns|bought|made|designed|sold|found|lost|drew|built|invented] the {n}?
Who does the {n} belong to?
Who [put|left|brought|forgot|dropped] the {n} [there|here]?
Whose {n} is [this|that|it]?
When was this {img} [made|taken|drawn|saved|painted]?
When was the {n} [made|bought|built|found|drawn|sold|painted]?
Where was this {img} [taken|made|found]?
Where was the {n} [bought|made|found|built|sold|yesterday|before]?
Where [does|did] the {n} come from?
Where will the {n} be [tomorrow|next year|later|tonight]?
What [time|day|month|year|season|hour] is it in [this|the] {img}?
What [day|year|month|time] was it?
In what [year|country|city|town|month] was this [made|taken|drawn]?
What [country|city|street|town|place] is this?
Which [country|city|street|museum|year|planet] is this from?
What is the [temperature|date|address|location|time] here?
What is [behind|outside|beyond] [the|this] {img}?
What is [inside|behind|beneath the surface of|hidden in] the {n}?
What [happened|was there|was drawn] before this?
What [happens|comes|will come|will happen] next?
What will the {n} do [next|tomorrow|later|tonight]?
What did the {n} do [before|yesterday|last night|earlier]?
What is the {n} [thinking|feeling|planning|dreaming of|afraid of|waiting for]?
What does the {n} [smell|taste|sound|feel] like?
What does the {n} [want|need|think|know|remember|hate]?
What is the [name|price|weight|age|brand|owner|history|story|value|serial number] of the {n}?
What is the {n} [worth|called by its owner|made of inside|used for at night]?
What [sound|noise] does [this|the {n}] make right now?
How [old|heavy|expensive|valuable|warm|loud|rare|famous|useful|strong|cold|hard] is the {n}?
How [old|tall|famous|rich] is the [artist|owner|photographer|painter]?
How much does [it|this|the {n}] [cost|weigh]?
How much did [it|this|the {n}] cost?
How long has the {n} been [there|here]?
How long [did it take|does it take] to [make|draw] [this|the {n}]?
How [fast|far|often] [does|can] the {n} go?
How many people [have seen|like|own|made] this?
Is the {n} [heavy|expensive|cheap|warm|cold|loud|famous|broken inside|for sale|happy|tired|new|rare|tasty|soft|poisonous|stolen]?
Was the {n} [expensive|a present|bought online|made by hand|here yesterday|found in a cave]?
Does the {n} [like music|work well|belong to a king|need repair|sleep a lot|smell good|taste good|have a name|remember me]?
Did the {n} [move|fall|win|sleep well|cost a lot|come by mail]?
Will the {n} [move|fall|break|stay there|come back|be sold]?
Can the {n} [hear me|be repaired|fly away tomorrow|be bought]?
Why [is|was] the {n} [there|here|put there|drawn]?
Why was this {img} [made|taken|drawn]?
Why does the {n} [look at me|exist|matter]?
Who is the {n} for?
Who will [buy|use|get|eat] the {n}?
Which [store|shop|company|artist] [made|sold] the {n}?
Is the artist [famous|alive|old|left-handed]?
Was it [cold|warm|raining|early|late] [that day|when this was made]?""".split("\n")

OUTSIDE = """What is the capital of [France|Japan|Italy|Spain|Egypt|Brazil|Canada|Norway|India]?
Who is the [president|king|queen|prime minister|mayor] of [France|Japan|Spain|England|Sweden|Chicago]?
Who is the [president|richest person|tallest man|best player|pope]?
What is [two|three|four|five|7|8|12] [plus|minus|times|divided by] [two|three|four|8|6]?
What is the [square root|half|double] of [nine|sixteen|ten|100]?
Solve [x + 3 = 5|2x = 8|x - 1 = 4].
Calculate [12 / 4|3 * 9|100 - 37].
Write [a poem|an essay|a letter|a song|a story|some Python code|an email|a speech|a haiku].
Write [a poem|an essay|a letter|a song] about [love|summer|the sea|freedom|work].
Tell me [a joke|a story|the news|a secret|the time|your opinion|something funny].
Translate [hello|thank you|good night|this sentence] [to|into] [German|French|Latin|Spanish].
How do I [cook rice|tie a tie|lose weight|fix my car|bake bread|learn to swim|get a visa|find a job|fall asleep]?
How do [airplanes|magnets|computers|engines|batteries] [fly|work]?
How [far away|old|big|cold] is [the universe|Jupiter|the North Pole|Mars]?
How many [days|weeks|hours|months] are in a [year|month|week|leap year]?
How many people live in [Japan|London|Africa|my town]?
What is the weather [tomorrow|today|like in Paris|going to be]?
What is the [meaning of life|speed of light|largest ocean|longest river|highest mountain|best phone|population of Japan|price of gold]?
What is [love|time|gravity|democracy|happiness|philosophy]?
What [should I eat|should I wear|should I do|can I do] [today|tonight|this weekend|tomorrow]?
What year is it [now|today]?
What are the news today?
What is your favorite [food|color|movie|song|team|book]?
Who [wrote Hamlet|invented the telephone|painted the Mona Lisa|won the game|discovered America|sang Yesterday]?
Who [won|will win] the [game|election|race|world cup|war]?
When [was Napoleon born|did the war end|is Easter|does the shop close|is my birthday]?
Where is [my phone|Mount Everest|the nearest station|my brother|Waldo from the book]?
Why [is the sky blue|do we sleep|do birds sing|is the sea salty|do people lie]?
Explain [gravity|evolution|inflation|quantum physics|the rules of chess].
Define [freedom|entropy|justice|irony].
Spell [the word necessary|rhythm|Mississippi|your name].
Give me [some advice|a recipe|a password|money|a reason to live|ten ideas].
Recommend [a movie|a book|a restaurant|a holiday].
Sing [a song|for me|something].
Play [some music|jazz|chess with me|a game].
Set [an alarm|a timer|a reminder] [for six|for ten minutes|please].
Call [my mother|a taxi|the police|my boss].
Open [the door|a window in my browser|my email].
Turn [on the lights|off the radio|up the volume].
Order [a pizza|me some food|new shoes].
Book [a flight|a hotel|a table for two].
Remind me to [call home|buy milk|sleep].
Do you [like football|dream|sleep|believe in ghosts|speak French|have friends|love me]?
Are you [happy|alive|tired|married|hungry|smart]?
Can you [sing|dance|drive|cook|help me with my homework|keep a secret|do math]?
Have you [eaten|slept|been to Paris|read the Bible]?
Should I [quit my job|buy a house|take an umbrella tomorrow|call her]?
Is [there life on Mars|it raining in London|God real|coffee healthy|water wet]?
Which is [the best language|the fastest train in the world|better, tea or coffee|older, Rome or Athens]?
Summarize [the Bible|World War Two|the latest news|Hamlet].
List [the planets|the kings of England|all prime numbers|five rivers in Asia].
Name [the planets|a famous painter|the largest country|three French cities].
Convert [ten miles to kilometers|5 euros to dollars|100 degrees to Celsius].
Search the [web|internet] for [shoes|cheap flights|recipes].""".split("\n")
CHOICE = re.compile(r"\[([^\]]+)\]")


def chosen(pattern, rng):
    """the pattern with one word for each choice"""
    return CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), pattern)
