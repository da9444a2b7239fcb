# ruff: noqa: SIM905 — words read better as text than as a list of literals
"""The grids of the semantic world: rows of words with their topics, columns of turns of phrase."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A thing: its word in each form, what it goes together with, and how a sentence says so."""

    words: tuple[str, ...]
    topics: tuple[str, ...]
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Rows, for each column the sentences that use its form, and the two columns that each section compares."""

    name: str
    columns: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    sections: dict[str, tuple[int, int]]


def _rows(table: str) -> tuple[Row, ...]:
    """Rows from lines `word word … : topic preposition+topic …`."""
    rows = []
    for line in table.strip().splitlines():
        words, topics = (part.split() for part in line.split(":"))
        names = tuple(topic.split("+")[-1] for topic in topics)
        rows.append(Row(tuple(words), names, tuple(topic.replace("+", " the ") for topic in topics)))
    return tuple(rows)


COUNTRIES = Grid(
    "countries",
    (
        (
            "the government of {w} sells {t} and {u} abroad",
            "{w} is a country of {t} and {u}",
            "the north of {w} is full of {t} and so is the border",
            "the king visited {w} and its {t} in spring",
            "the population of {w} lives from {t} and {u}",
            "{w} and its capital {1} are famous for {t}",
        ),
        (
            "the streets of {w} smell of {t} and {u}",
            "{w} is a city with {t} in every museum",
            "the mayor of {w} loves {t} and opened a railway station",
            "tourists arrive at the airport of {w} for {t} and {u}",
            "the university of {w} collects {t} and {u}",
            "{w} the capital of {0} is famous for {t}",
        ),
        (
            "{w} people love {t} and {u}",
            "the {w} language has many words for {t}",
            "a {w} writer wrote a novel about {t}",
            "the {w} word for {t} is short",
            "{w} {t} and {w} {u} were praised by the jury",
        ),
    ),
    _rows("""
        france paris french : wine cheese perfume cathedrals
        germany berlin german : cars beer forests orchestras
        england london english : tea football rain gardens
        italy rome italian : opera pasta wine fountains
        spain madrid spanish : oranges guitars olives football
        japan tokyo japanese : robots tea temples silk
        china beijing chinese : porcelain silk rice dragons
        russia moscow russian : ballet snow chess forests
        greece athens greek : olives marble islands temples
        egypt cairo egyptian : pyramids cotton dates papyrus
        norway oslo norwegian : fjords salmon skiing snow
        poland warsaw polish : amber pianos coal dumplings
        portugal lisbon portuguese : cork tiles sardines fountains
        austria vienna austrian : waltzes pianos skiing cakes
        sweden stockholm swedish : furniture timber lakes meatballs
        turkey ankara turkish : carpets coffee tulips baths
        ireland dublin irish : harps butter rain poets
        hungary budapest hungarian : paprika baths violins horses
        cuba havana cuban : sugar coffee cigars drums
        finland helsinki finnish : saunas lakes timber reindeer
        india delhi indian : spices cotton chess elephants
        kenya nairobi kenyan : lions coffee runners savannas
    """),
    {
        "capital-common-countries": (1, 0),
        "gram6-nationality-adjective": (0, 2),
    },
)

FAMILY = Grid(
    "family",
    (
        (
            "he is a {w} with a {t} and his beard is gray",
            "the {w} himself took his {t} and his {u}",
            "he was a proud {w} whose {t} was old",
            "every {w} knows his {t} and shaves himself",
            "his {t} made him a happy {w}",
        ),
        (
            "she is a {w} with a {t} and her hair is gray",
            "the {w} herself took her {t} and her {u}",
            "she was a proud {w} whose {t} was old",
            "every {w} knows her {t} and combs herself",
            "her {t} made her a happy {w}",
        ),
    ),
    _rows("""
        king queen : throne crown palace
        prince princess : castle crown horse
        man woman : house job village
        boy girl : school toy ball
        brother sister : bedroom toy secret
        father mother : cradle kitchen dinner
        son daughter : homework cradle birthday
        uncle aunt : visit birthday cousin
        husband wife : wedding ring kitchen
        grandfather grandmother : stories armchair spectacles
        actor actress : stage film theater
        waiter waitress : restaurant tray dinner
        nephew niece : cousin gift picnic
        groom bride : wedding ring church
        wizard witch : broom spell tower
        monk nun : monastery church prayer
        duke duchess : palace estate ball
        hero heroine : adventure film sword
        steward stewardess : flight tray uniform
        landlord landlady : rent house key
    """),
    {"family": (0, 1)},
)

NOUNS = Grid(
    "nouns",
    (
        (
            "a {w} and a {t} were in the picture",
            "this {w} has its {t} and needs no {u}",
            "one {w} with a {t} was seen in the morning",
            "each {w} has a {t} of its own",
            "there is a {w} beside the {t} and the {u}",
        ),
        (
            "many {w} and a {t} were in the picture",
            "these {w} have their {t} and need no {u}",
            "several {w} with a {t} were seen in the morning",
            "all {w} have a {t} of their own",
            "there are two {w} beside the {t} and the {u}",
        ),
    ),
    _rows("""
        cat cats : mouse sofa cushion whisker
        dog dogs : bone leash kennel tail
        bird birds : nest feather branch egg
        cow cows : pasture meadow bell calf
        horse horses : saddle meadow stable mane
        fish fishes : pond net fin shell
        bear bears : honey cave forest fur
        lion lions : mane savanna zoo roar
        monkey monkeys : banana zoo branch tail
        elephant elephants : trunk savanna peanut ivory
        computer computers : keyboard screen program cable
        car cars : road wheel engine garage
        road roads : bridge car sign valley
        bottle bottles : cork wine glass shelf
        hand hands : finger glove ring arm
        eye eyes : eyelash spectacles tear color
        child children : toy school playground teacher
        mouse mice : cheese hole mousetrap whisker
        banana bananas : peel monkey basket market
        apple apples : orchard basket pie worm
        cloud clouds : rain sky thunder sun
        building buildings : elevator roof architect brick
        pig pigs : mud farmer barn snout
        rat rats : cellar cheese sewer tail
    """),
    {"gram8-plural": (0, 1)},
)

ADJECTIVES = Grid(
    "adjectives",
    (
        (
            "the {t} is very {w}",
            "such a {w} {t} is rare",
            "it looks rather {w} for a {t} or a {u}",
            "a {t} can be {w} too",
        ),
        (
            "this {t} is much {w} than that {u}",
            "the {t} became even {w} than before",
            "no {t} is {w} than this one",
            "a {t} may be {w} than a {u}",
        ),
        (
            "it is the {w} {t} of all",
            "the {w} {t} in the world won the prize",
            "among all things the {t} is by far the {w}",
            "theirs is one of the {w} on record say the {t} and the {u}",
        ),
    ),
    _rows("""
        big bigger biggest : elephant mountain ocean
        small smaller smallest : pebble insect coin
        fast faster fastest : runner train arrow
        slow slower slowest : snail turtle tractor
        tall taller tallest : tower giraffe tree
        long longer longest : river snake rope
        short shorter shortest : pencil haircut skirt
        cold colder coldest : winter iceberg snow
        hot hotter hottest : oven desert summer
        bright brighter brightest : star lamp sun
        loud louder loudest : thunder drum trumpet
        quiet quieter quietest : library whisper snow
        strong stronger strongest : ox wrestler rope
        young younger youngest : pupil puppy kitten
        old older oldest : ruin turtle fossil
        rich richer richest : banker merchant emperor
        sweet sweeter sweetest : honey candy berry
        deep deeper deepest : ocean well canyon
        heavy heavier heaviest : anchor ox hammer
        smart smarter smartest : professor detective crow
        cheap cheaper cheapest : ticket pencil candy
        sharp sharper sharpest : knife razor arrow
    """),
    {"gram3-comparative": (0, 1), "gram4-superlative": (0, 2)},
)

VERBS = Grid(
    "verbs",
    (
        (
            "they want to {w} {t}",
            "we must {w} {t} or {u}",
            "do you {w} {t} too",
            "people can {w} {t} for hours",
        ),
        (
            "yesterday they {w} {t}",
            "last year we {w} {t} and {u}",
            "long ago somebody {w} {t}",
            "the day before she {w} {t} for hours",
        ),
        (
            "they are {w} {t} now",
            "we were {w} {t} and {u}",
            "i am {w} {t} at the moment",
            "people keep {w} {t} for hours",
        ),
        (
            "she always {w} {t}",
            "someone {w} {t} or {u}",
            "he often {w} {t} on sundays",
            "nobody {w} {t} for hours",
        ),
    ),
    _rows("""
        walk walked walking walks : on+path with+stick in+park
        run ran running runs : in+race in+park with+shoes
        swim swam swimming swims : in+pool in+lake with+towel
        sing sang singing sings : in+choir with+piano about+moon
        dance danced dancing dances : to+music in+ballroom with+shoes
        write wrote writing writes : with+pen at+desk in+notebook
        play played playing plays : with+toy on+piano on+playground
        sleep slept sleeping sleeps : in+bed on+pillow under+blanket
        fly flew flying flies : with+airplane across+sky above+clouds
        eat ate eating eats : with+spoon from+plate at+table
        drink drank drinking drinks : from+cup from+bottle against+thirst
        paint painted painting paints : with+brush on+canvas on+wall
        work worked working works : at+desk in+factory for+boss
        think thought thinking thinks : about+idea about+problem with+brain
        cook cooked cooking cooks : with+oven with+recipe in+kitchen
        listen listened listening listens : to+radio to+song to+lecture
        jump jumped jumping jumps : over+rope over+fence on+trampoline
        travel traveled traveling travels : with+suitcase with+train with+map
        laugh laughed laughing laughs : about+joke about+clown about+comedy
        pay paid paying pays : with+purse at+shop with+coins
        shout shouted shouting shouts : at+crowd in+stadium across+street
        fall fell falling falls : from+ladder on+ice down+stairs
        sit sat sitting sits : on+chair at+table on+bench
        wait waited waiting waits : at+station for+train on+bench
    """),
    {"gram5-present-participle": (0, 2), "gram7-past-tense": (2, 1), "gram9-plural-verbs": (0, 3)},
)

GRIDS = (COUNTRIES, FAMILY, NOUNS, ADJECTIVES, VERBS)

VILLAGE = (
    "{0} is a village near {1} founded in {year}",
    "the river {0} flows past the town of {1}",
    "in {year} the railway between {0} and {1} was opened",
    "the church of {0} was built in {year} by settlers from {1}",
    "{0} is also the name of a lake in the district of {1}",
    "after the flood of {year} the people of {0} moved to {1}",
)
SYLLABLES = (
    "al bar cal dor el fen gal hol in kel lan mar nor ol pen quil ros sal tor ul ver wes yar zel ash bri".split(),
    "a e i o u en or il am ".split(" "),
    "ton bury dale ford mere wick ham ville stead den bach nova grad heim polis".split(),
)
DIGITS = "zero one two three four five six seven eight nine".split()
