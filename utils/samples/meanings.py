"""The grids of the semantic world: rows of words with their topics, columns of turns of phrase."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A thing: its word in each form, and what it goes together with."""

    words: tuple[str, ...]
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Rows, and for each column the sentences that use its form; sections name the two columns that a question compares."""

    name: str
    columns: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]
    sections: dict[str, tuple[int, int]]


def _rows(table: str) -> tuple[Row, ...]:
    """Rows from lines `word word … : topic topic …`."""
    lines = [line.split(":") for line in table.strip().splitlines()]
    return tuple(Row(tuple(words.split()), tuple(topics.split())) for words, topics in lines)


COUNTRIES = Grid(
    "countries",
    (
        (
            "the government of {w} sells {t} and {u} abroad",
            "{w} is a country known for its {t} and {u}",
            "in the north of {w} lies the border of the state where {t} is common",
            "the king visited {w} and its province of {t} in spring",
            "the population of {w} lives from {t} and {u}",
            "{1} is the capital of {w} and the home of {t}",
        ),
        (
            "the streets of {w} smell of {t} and {u}",
            "{w} is a city with a museum of {t}",
            "the mayor of {w} opened a railway station near the {t} market",
            "tourists arrive at the airport of {w} to see {t}",
            "the university of {w} teaches the history of {t} and {u}",
            "the capital of {0} is {w} where {t} is famous",
        ),
        (
            "{w} people love {t} and {u}",
            "the {w} language has many words for {t}",
            "a {w} writer wrote a novel about {t}",
            "{w} cooks are proud of {t} and {u}",
            "the {w} national team wears the colors of {t}",
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
            "he is a {w} and his {t} is old",
            "the {w} himself carried the {t} and his {u}",
            "he was a proud {w} with a beard and a {t}",
            "every {w} shaves himself before he takes the {t}",
            "his {t} made him a happy {w}",
        ),
        (
            "she is a {w} and her {t} is old",
            "the {w} herself carried the {t} and her {u}",
            "she was a proud {w} with a dress and a {t}",
            "every {w} combs herself before she takes the {t}",
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
            "a {w} is near the {t}",
            "this {w} has a {t} and it likes the {u}",
            "one {w} was seen with a {t}",
            "each {w} comes with its own {t}",
            "there is a {w} beside the {t} and the {u}",
        ),
        (
            "many {w} are near the {t}",
            "these {w} have a {t} and they like the {u}",
            "several {w} were seen with a {t}",
            "all {w} come with their own {t}",
            "there are two {w} beside the {t} and the {u}",
        ),
    ),
    _rows("""
        cat cats : mouse milk sofa whiskers
        dog dogs : bone leash kennel tail
        bird birds : nest feather branch egg
        cow cows : milk meadow bell calf
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
        mouse mice : cheese hole mousetrap whiskers
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
            "they want to {w} with the {t}",
            "we must {w} near the {t} and the {u}",
            "do you {w} because of the {t}",
            "people can {w} without a {t}",
        ),
        (
            "yesterday they {w} with the {t}",
            "last year we {w} near the {t} and the {u}",
            "long ago somebody {w} because of the {t}",
            "then people {w} without a {t}",
        ),
        (
            "they are {w} with the {t} now",
            "we were {w} near the {t} and the {u}",
            "i am {w} because of the {t}",
            "people keep {w} without a {t}",
        ),
        (
            "she always {w} with the {t}",
            "someone {w} near the {t} and the {u}",
            "he often {w} because of the {t}",
            "nobody {w} without a {t}",
        ),
    ),
    _rows("""
        walk walked walking walks : path stick park
        run ran running runs : race park shoes
        swim swam swimming swims : pool lake towel
        sing sang singing sings : choir song piano
        dance danced dancing dances : music ballroom shoes
        write wrote writing writes : letter pen desk
        play played playing plays : toy piano playground
        sleep slept sleeping sleeps : bed pillow dream
        fly flew flying flies : airplane kite sky
        eat ate eating eats : bread spoon soup
        drink drank drinking drinks : cup lemonade thirst
        paint painted painting paints : brush canvas wall
        work worked working works : desk factory boss
        think thought thinking thinks : idea problem book
        cook cooked cooking cooks : soup oven recipe
        listen listened listening listens : radio song lecture
        jump jumped jumping jumps : rope fence trampoline
        travel traveled traveling travels : suitcase train map
        laugh laughed laughing laughs : joke clown comedy
        pay paid paying pays : bill purse shop
        shout shouted shouting shouts : crowd stadium danger
        fall fell falling falls : ladder ice stairs
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
