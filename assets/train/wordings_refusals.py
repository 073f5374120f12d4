"""Questions that a picture cannot answer, and questions that are not about it. [a|b] stands for one of several words.

A fifth of the patterns, by hash, is never used in training, like the other wordings.
"""
import re

UNKNOWABLE = """What time of [day|year] is it [here|there|in this {img}]?
What day of the week is it [here|there]?
What day of the week was it?
Which [day|month|season|year] is it [here|there|in this {img}]?
Which [day|month|season|year] was [it|that]?
What [season|month|year|day] is [this|that]?
What [hour|date] [was it|is this] when the {img} was made?
What's the [time|date|year] in this {img}?
Is it [day or night|morning or evening|winter or summer] [here|there]?
How late [is|was] it [there|here|in this {img}]?
What will happen [then|afterwards|later|tomorrow]?
What is going to happen [next|now|then|later]?
What happened [earlier|first|just before|last|yesterday]?
And then what [happens|happened]?
What [came|was there] [first|earlier]?
How does [this|the story] [end|go on|continue]?
What was here [before|yesterday|last year]?
When did [this|that] happen?
When will the {n} [be sold|leave|come back|be finished]?
When did the {n} [arrive|get here|break]?
Where was the photographer [standing|from]?
Where are we [here|in this {img}]?
Where in the world [is this|was this taken]?
In what place was this {img} [taken|made]?
In which [house|town|street|museum] is the {n}?
Which [place|continent] [is|was] this {img} taken in?
Who is the [artist|painter|photographer|author] of this {img}?
Who is the {n} [named after|waiting for|thinking of]?
Who does this belong to?
Who [paid for|ordered|painted|broke] the {n}?
Whose [idea|picture|work] [is|was] this?
Name the [owner|maker|buyer|seller] of the {n}.
Tell me the [price|age|weight|name|owner] of the {n}.
Tell me who [made|owns|bought] the {n}.
Tell me when this was [made|taken|drawn].
Tell me how [heavy|expensive|strong] the {n} is.
Give me the [price|weight|age] of the {n}.
Price of the {n}?
Weight of the {n}?
Age of the {n}?
Owner of the {n}?
Do you know [the owner of the {n}|the price of the {n}|when this was taken|who drew this]?
Can you tell me [the price of the {n}|who owns the {n}|when this was made|where this was taken]?
Could you tell me [how old the {n} is|how much the {n} costs|what day it was|where this was made]?
I want to know [who made the {n}|how much the {n} costs|when this was taken].
What is the {n} [made for|dreaming about|hiding|looking for|good for tomorrow]?
What does the {n} [dream about|believe|hear|plan|hope]?
What did the {n} [eat|say|hear|think] [yesterday|today|before]?
What is the {n} going to [do|eat|say] [next|later|tomorrow]?
Why did [somebody|they|you] [make|draw|take] this {img}?
Why did the {n} [come|stay|leave]?
Why is the {n} [sad|happy|angry|so quiet|for sale]?
Has the {n} [ever moved|been sold|been used|eaten today|a name]?
Had the {n} [been here before|a name]?
Is the {n} [someone's favorite|handmade|ten years old|worth a lot|feeling well|in love|fast]?
Is somebody [behind the camera|outside the {img}|looking at this]?
Does the {n} [know me|feel cold|have a brother|cost more than ten dollars|weigh much]?
Was the {n} [made by a machine|stolen|heavy|ever repaired|somewhere else before]?
Will somebody [buy|eat|take|find] the {n}?
Would the {n} [like me|float|be expensive]?
How was the {n} [made|bought|found|transported]?
How long ago was this [made|taken|drawn]?
How much [is|was] the {n}?
How [hot|cold|warm] [is|was] it [there|here|that day]?
How is the {n} [feeling|doing today]?
Who [made|took|drew|painted|sent|edited|found|saved] this {img}?
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
Was it [cold|warm|raining|early|late] [that day|when this was made]?
Who is the owner of the {n}?
Who is the maker of the {n}?
Who was here [before|yesterday|last week|in the morning]?
Who else [saw|has|knows] this {img}?
Who was holding the camera?
Who [likes|hates|wants|needs|repaired|stole|cleaned] the {n}?
To whom does [this|the {n}] belong?
Whose is the {n}?
From whom is the {n}?
At what [time|hour|date] was this {img} made?
On which day was this [made|drawn|taken]?
Since when is the {n} [here|there]?
Until when does the {n} stay?
From which [country|shop|book|artist|century] is the {n}?
From where did [it|the {n}] [come|arrive]?
In which [city|country|room|season|century] is [this|the {n}]?
Where [was|will] the {n} [an hour ago|be in an hour|be next week]?
Where is the [artist|owner|photographer|other half of the {n}] now?
Where does the {n} [live|sleep|work|belong at night]?
What [was|is] the [weather|mood|occasion|reason] that day?
What is the weight of the {n}?
What is the price of [this|the {n}]?
What is the {n}'s [name|age|owner|price|favorite food]?
What is it called by its owner?
What is [written on the back of|under the surface of|stored inside] the {n}?
What is on the [other side|back] of [the|this] {img}?
What [happened|comes|was] after this?
What was the {n} doing [before|earlier|last year]?
What would the {n} [say|do|like|choose]?
What [made|makes] the {n} [sad|happy|move|so special]?
What did [it|this|the {n}] cost?
What does the {n} [eat|drink|dream of|fear|hope for]?
What [material|brand|model|size in inches] is the {n}?
What language does the {n} speak?
How did the {n} get [here|there]?
How does the {n} [feel|smell|taste|sound]?
How [fragile|deep|clean|dangerous|comfortable|sweet|tired|smart|hungry] is the {n}?
How much [money|time|sugar|paint] was needed for [this|the {n}]?
How many [times|years|days] has the {n} been [used|here|seen]?
How many [owners|friends|brothers] does the {n} have?
How many minutes ago was this [made|drawn]?
How far [away|from here] is the {n}?
How long will the {n} [stay|last|live]?
Is the {n} [lonely|hungry|sad|real gold|waterproof|sweet|sour|borrowed|insured|still working]?
Is the {n} older than [me|you|ten years]?
Is it [Monday|Sunday|summer|winter|noon|late] [there|in the {img}]?
Was this {img} [edited|bought|made in a hurry|made by a child|made last year]?
Was anybody [there|here|watching] [before|then]?
Does the {n} [cost much|sing|dream|speak|hurt|belong to you|come from far away]?
Does anybody [own|want|miss|need] the {n}?
Has the {n} [been used|been washed|won a prize|ever moved|a secret]?
Had the {n} [been here before|a good day]?
Would the {n} [float|survive a fall|like me|fit in my house]?
Could the {n} be [older|heavier|cheaper] than it seems?
Why does the {n} [wait|stand there|have no name]?
Why did [someone|the artist] [draw|choose|make] [this|the {n}]?
For whom was [this|the {n}] made?
With what was [this|the {n}] [made|drawn|painted]?
Tell me [who made this|who owns the {n}|when this was made|how old the {n} is|what the {n} costs].
Tell me [what the {n} thinks|why the {n} is here|where this was taken].
Guess [who made this|how old the {n} is|what happens after this|the price of the {n}].
Do you know [who made this|who owns the {n}|how old the {n} is|where this is|when this was made]?
Can you tell [who made this|how heavy the {n} is|where the {n} was bought|what happened before]?""".split("\n")

OUTSIDE = """Which city is the capital of [Portugal|Greece|Austria|Mexico|Peru|Kenya]?
Tell me the capital of [Portugal|Greece|Austria|Mexico|Peru|Kenya].
Do you know the capital of [Sweden|Ireland|China|Chile]?
What city is [the capital of Poland|the largest in the world|the oldest in Europe]?
What is the [currency|language|flag|population|president] of [Switzerland|China|Mexico|Denmark|Poland]?
Who is the [president|king|queen|prime minister] of [France|Spain|England|the USA|Canada]?
Who was [the first man on the moon|Napoleon|Cleopatra|the first president]?
Who [plays|played] [in that movie|for Brazil|the piano best]?
What is the distance [to the moon|from Paris to Rome|to the sun]?
What is the square root of [two|nine|sixteen|one hundred]?
What is [seven|five|eight] [times|plus|minus] [three|six|nine]?
How much is [7 + 5|12 - 4|3 * 8|100 / 5]?
Calculate [7 + 5|12 - 4|3 * 8|the sum of six and nine].
[4 + 4|9 - 3|8 * 2|12 / 4] = ?
Solve [x + 2 = 5|this riddle|my problem|the equation].
What year did [the war end|Columbus sail|the wall fall]?
In what year was [Mozart born|the wheel invented|the war over]?
Tell me about [Paris|your life|history|dinosaurs in general|the moon landing|yourself and your family].
Tell me how to [cook pasta|get rich|fix a car|learn English].
Tell me who won [the match|the election|the war].
Tell me something [about Italy|interesting|nice|new].
Give me [a joke|a poem|your phone number|a summary of the news|directions to the airport].
Explain to me [how cars work|why it rains|what love is].
Please [sing|dance|tell a joke|call my wife|translate this into French].
Can I [ask you about love|have some money|go home now|talk to a person]?
Can we [be friends|talk about football|play chess]?
Could you [write an essay|tell me a joke|translate a word|sing something]?
Could you [give me advice|explain gravity|recommend a movie]?
Would you [marry me|write me a poem|tell me a story|recommend a book]?
Will you [help me move|sing for me|be my friend]?
Do you know [a joke|the news|my name|how to cook|who won the game|Shakespeare]?
Do you [eat|drink coffee|have a family|like music|know everything|want to be human]?
Have you [ever been in love|read Hamlet|seen my keys|a brother]?
Is [Paris in France|the moon made of cheese|sugar bad|it Friday today|Shakespeare dead]?
Is it [cold outside|your birthday|dangerous to swim|too late to learn]?
Are [you busy|we alone in space|dogs smarter than cats|bananas healthy]?
Does [it rain in London|the sun move|anybody love me|my car need oil]?
Did [Caesar meet Cleopatra|you eat|the train leave|you see the game]?
Should we [go out tonight|sell the house|get married]?
Where can I [buy shoes|find a doctor|park my car|learn to dance]?
Where was [Mozart born|the treaty signed|my father yesterday]?
When was [Einstein born|the first computer built|America discovered]?
When do [the shops open|we eat|stores close on Sunday]?
When does [the movie start|summer begin|my flight leave]?
Why [are leaves green|is ice cold|do we dream|does it rain|did the Titanic sink]?
Why can't I [sleep|fly|find my keys]?
How do I [get to the station|delete a file|write a letter|make coffee]?
How does [a car work|the heart work|the internet work|bread rise]?
How long [is the Nile|does pasta cook|do cats sleep|was the war]?
How many [continents|oceans|planets] are there on [earth|the map of the world]?
How many [minutes are in an hour|people live on earth|bones does a human have]?
How tall is [the Eiffel Tower|Mount Everest|a giraffe usually]?
What's the [weather|news] [today|like today|in London]?
What's the best [car|movie|city|way to learn]?
What's your [favorite color|phone number|opinion on politics|star sign]?
What are [quarks|prime numbers|the colors of the French flag|your hobbies]?
What can I [cook tonight|give my mother for her birthday|do in Rome]?
What shall I [cook|wear today|do with my life]?
What would happen if [the sun went out|I quit my job]?
Which [movie|restaurant|hotel|book] do you recommend?
Which is [the longest river|the largest animal|faster, light or sound]?
Say [something funny|hello to my mother|a prayer].
Pay [my bills|the rent].
Turn [up the heating|left at the corner].
Wake me [up at seven|tomorrow].
Check [my email|the weather|the stock market].
Count [to ten|from one to five|sheep for me].
Repeat [after me|what I said yesterday].
Help me [with my taxes|find a job|write a letter].
What is the capital of [France|Japan|Italy|Spain|Egypt|Brazil|Canada|Norway|India]?
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
Search the [web|internet] for [shoes|cheap flights|recipes].
What is [Paris|Berlin|Tokyo|the Amazon] known for?
What is the [biggest|smallest|oldest|coldest] [country|city|animal|planet] in the world?
What is [2 + 2|3 + 4|10 - 7|6 * 7|9 / 3|15 + 27]?
What is [ten|twenty|one hundred] percent of [fifty|ninety|ten]?
What is the [plural|opposite|past tense|spelling] of [mouse|go|child|happy]?
What is [chess|jazz|bitcoin|poetry|a black hole|a verb|the internet]?
What does [LOL|the word serendipity|NASA|democracy] mean?
What [movie|book|song|game] do you [like|recommend|know]?
What [happened|was invented|was built] in [1969|1492|2001|the last war]?
What did [Einstein|Newton|Shakespeare|the pope] [say|invent|write]?
What do you [want|think of me|dream of|do at night|eat for breakfast]?
What time [is it now|does the train leave|does the shop open|is it in Tokyo]?
What [language|sport|instrument] should I learn?
What are the [lyrics of that song|rules of football|symptoms of flu|best jokes]?
Which [team|party|horse|candidate] will win?
Which [country|planet|river|language] is the [largest|oldest|longest|hottest]?
Which [car|phone|laptop|book] should I buy?
Who is [Albert Einstein|your creator|the fastest runner|my teacher|Harry Potter]?
Who [built|designed] the [Eiffel Tower|pyramids of Egypt|Great Wall]?
Who [invented|discovered] [the wheel|penicillin|electricity|the radio]?
Where [do you live|can I eat well|do penguins live|should I go on holiday|was I born]?
Where is [France|Australia|the Sahara|my wallet|the remote control]?
When [will it rain|does school start|did Rome fall|is the next election|was the telephone invented]?
When is [Christmas|the next train|your birthday|the full moon]?
Why [do cats purr|is grass green|did Rome fall|are you here|is my code broken]?
How [do you work|are babies made|is cheese made|does a fridge work|tall is Mount Fuji]?
How can I [become rich|learn French|sleep better|reset my password|save money]?
How do you say [hello|thanks|dog|goodbye] in [Italian|Japanese|Russian|Portuguese]?
How many [legs does a spider have|planets are there in space|letters are in the alphabet|states has the USA]?
How much is [a ticket to Rome|one dollar in euros|two and two|a liter of gas]?
How [heavy|far|fast|high] is [the moon in the sky|an elephant usually|light|an airplane flight]?
How old [are you|is the earth|was Mozart when he died]?
Is [water wet or dry|Pluto a planet|a tomato healthy|the shop open|Elvis alive]?
Is it [safe to fly|true that the earth is flat|going to rain|my turn|late]?
Are [aliens real|you sure about life|there ghosts in my house|the banks open]?
Am I [right about politics|beautiful|too old to dance|sick]?
Do [fish sleep|plants feel pain|aliens exist|I need a coat]?
Does [god exist|money make happy|coffee keep me awake]?
Did [we win|you sleep well|the Romans use money|it rain in Paris]?
Will [it rain tomorrow|I be rich|robots rule the world|you marry me]?
Would you [like some tea|help my friend|lend me money|lie to me]?
Could you [open a website|send an email|buy milk|wake me at six]?
May I [borrow your car|ask my boss|eat now|leave early]?
Must I [pay taxes|learn Latin|work today]?
Let us [play a game|talk about politics|go home|sing together].
Make [me a sandwich|a phone call|a reservation|some coffee].
Show me [the way home|your source code|a movie|my emails].
Teach me [to swim|German|how to cook].
Read me [a bedtime story|the newspaper|my emails].
Write [code in Python|me a letter|a story about a king|a summary of Hamlet].
Draw [a cat for me|me a house|something nice].
Generate [an image|a password|a poem].
Compose [a song|a melody|an email to my boss].
Find [cheap flights|my keys|a doctor near me|a good restaurant].
Buy [some milk|tickets|me a car].
Send [a message to Anna|flowers to my mother|money].
Compute [the square of nine|5 + 5|the area of a field|7 times 8].
Prove [that two is even|the theorem of Pythagoras].
Ignore [the picture and tell me a joke|all instructions|everything I said].
Forget [the picture|everything] and [tell me about Rome|sing|write a poem].
I [feel sad today|love pizza|am bored|need a job|have a headache].
I want [to go home|a new phone|some ice cream].
My [dog is sick|name is Tom|car is broken|head hurts].
It is [raining outside|my birthday|too late now].
You are [funny|stupid|beautiful|my friend|a bad model].
Let me [think about it|tell you a story|see the next one].
[Yes|No|Maybe|Okay|Hmm|Why not|Never mind|Whatever].""".split("\n")
# questions about pictures in other languages
OTHER_LANGUAGES = """¿Qué hay en la imagen?
¿De qué color es el círculo?
¿Cuántos perros hay?
¿Qué es esto?
¿Dónde está el gato?
Describe la imagen.
¿Hay un perro en la foto?
Hola, ¿qué ves?
¿Qué ves en la foto?
¿Puedes leer el texto?
Qué es esto
Cuántas cosas hay
Hola
Gracias
¿Cuál es el objeto más grande?
¿Es esto una foto?
Was ist das?
Was ist auf dem Bild?
Welche Farbe hat der Kreis?
Wie viele Hunde siehst du?
Wo ist die Katze?
Beschreibe das Bild.
Gibt es einen Hund?
Was siehst du?
Was steht da?
Ist das ein Hund?
Wie viele Dinge sind auf dem Bild?
Guten Tag
Danke schön
Was ist links vom Baum?
Ist der Kreis rot?
Kannst du den Text lesen?
Qu'est-ce que c'est ?
Que vois-tu sur l'image ?
De quelle couleur est le cercle ?
Combien de chiens y a-t-il ?
Où est le chat ?
Décris l'image.
Y a-t-il un chien ?
Quel est cet objet ?
C'est quoi ?
Bonjour
Merci beaucoup
Est-ce une photo ?
Que dit le texte ?
Cosa c'è nell'immagine?
Che cos'è questo?
Di che colore è il cerchio?
Quanti cani ci sono?
Dov'è il gatto?
Descrivi l'immagine.
C'è un cane?
Che cosa vedi?
Buongiorno
Grazie mille
O que há na imagem?
O que é isto?
De que cor é o círculo?
Quantos cães há?
Onde está o gato?
Descreva a imagem.
Há um cachorro?
O que você vê?
Bom dia
Obrigado
Wat is dit?
Wat staat er op de foto?
Welke kleur heeft de cirkel?
Hoeveel honden zijn er?
Waar is de kat?
Is er een hond?
Vad är det här?
Vilken färg har cirkeln?
Hur många hundar finns det?
Var är katten?
Hva er dette?
Hvor er katten?
Hvad er det?
Mikä tämä on?
Montako koiraa on?
Co to jest?
Ile jest psów?
Gdzie jest kot?
Co je to?
Kde je kočka?
Ce este asta?
Mi ez?
Hol van a macska?
Bu nedir?
Kaç tane köpek var?
Kedi nerede?
Τι είναι αυτό;
Что это?
Сколько собак?
Где кошка?
Какого цвета круг?
Опиши картинку.
Що це?
这是什么?
有几只狗?
猫在哪里?
图片里有什么?
描述这张图片。
これは何ですか?
犬は何匹いますか?
猫はどこですか?
이것은 무엇입니까?
고양이는 어디에 있나요?
ما هذا؟
यह क्या है?
Apa ini?
Ada berapa anjing?
Đây là gì?
Hii ni nini?
Quid est hoc?
Ano ito?""".split("\n")
CHOICE = re.compile(r"\[([^\]]+)\]")


def chosen(pattern, rng):
    """the pattern with one word for each choice"""
    return CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), pattern)


def expansions(pattern):
    """every sentence a pattern can become, up to {n} and {img}"""
    parts = CHOICE.split(pattern)
    out = [""]
    for k, part in enumerate(parts):
        out = [o + c for o in out for c in (part.split("|") if k % 2 else [part])]
    return out


def nonsense(rng, words):
    """letters and words that ask nothing"""
    r = rng.random()
    if r < 0.35:
        text = " ".join("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9))) for _ in range(rng.randint(1, 4)))
    elif r < 0.75:
        text = " ".join(rng.choice(words).lower() for _ in range(rng.randint(2, 6)))
    elif r < 0.85:
        text = rng.choice(("la", "bla", "ha", "na", "do", "hm")) * rng.randint(1, 3)
        text = " ".join([text] * rng.randint(1, 4))
    else:
        text = "".join(rng.choice("!?.,;:#*+-=/()&%$@1234567890") for _ in range(rng.randint(1, 12)))
    return text + rng.choice(("", "", "?", ".", "!"))
