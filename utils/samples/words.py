"""The words of the grammar: three topics of ordinary English, listed from frequent to rare within each class."""

PEOPLE = {
    "town": """mayor teacher neighbor farmer doctor baker student gardener family visitor child painter carpenter
        librarian shopkeeper nurse mechanic driver fisherman builder tailor postman cyclist grandmother
        grandfather hunter shepherd beekeeper potter miller plumber locksmith watchmaker ferryman florist butcher
        cobbler blacksmith basketmaker bellringer stonemason roofer weaver bookbinder""",
    "market": """company analyst investor bank manager trader lawyer executive official economist shareholder director
        chairman firm buyer seller lender broker customer regulator agency competitor producer retailer insurer
        exporter importer accountant adviser auditor consultant airline carmaker publisher brewer supplier
        subsidiary underwriter bondholder creditor landlord tenant franchisee wholesaler""",
    "stage": """player coach team singer actor referee fan champion dancer pianist runner captain swimmer goalkeeper
        drummer conductor violinist composer comedian juggler magician skier boxer rower striker defender
        cellist soprano tenor trumpeter choreographer playwright puppeteer acrobat wrestler sprinter archer
        fencer gymnast skater flutist organist understudy prompter""",
}
THINGS = {
    "town": """house garden tree road river bridge field boat window bicycle kitchen farm street roof apple horse door
        cake church school fence wall table basket lamp kettle blanket lantern barn orchard meadow village
        cottage mill ladder wagon bucket candle chimney pond stable hedge pumpkin cherry goose duck goat
        sheepdog rooster chair cupboard jacket letter clock carrot loaf broom saddle shovel gate well path
        hammer ribbon teapot quilt pebble acorn thimble bonnet wheelbarrow scarecrow""",
    "market": """share stock bond price plan offer contract loan market plant asset product unit sale stake deal factory
        report rate tax dividend budget merger order account mortgage fund license patent pension index bid
        computer car warehouse chip engine refinery pipeline portfolio warrant option currency deposit
        debenture acquisition settlement guideline forecast invoice subsidy tariff quota coupon premium
        receipt ledger voucher brochure catalog franchise royalty rebate surcharge payroll""",
    "stage": """game song play match ball season ticket goal concert stadium trophy race film record medal piano stage
        theater album orchestra tournament dance drum violin guitar league final title costume curtain
        festival melody symphony opera chorus rehearsal racket helmet jersey whistle podium spotlight
        microphone trumpet cello overture sonata ballad waltz puppet mask banner anthem encore aria duet
        cymbal tambourine scoreboard locker trampoline javelin""",
}
TRANSITIVE = {
    "town": """visit paint clean repair love carry water plant borrow watch fill admire remember notice polish cover
        collect gather fix climb decorate inherit furnish haul""",
    "market": """own acquire value control need manage market finance handle approve reject purchase recommend trade
        monitor assess transfer estimate audit lease restructure liquidate renegotiate""",
    "stage": """enjoy follow applaud perform practice film celebrate kick miss call score attend organize rehearse toss
        imitate memorize compose improvise dazzle conduct cherish tune""",
}
INTRANSITIVE = {
    "town": "work rest sleep chat walk bake knit yawn sneeze whisper garden doze wander",
    "market": "expand decline improve recover compete hesitate negotiate merge disagree comply diversify",
    "stage": "dance train travel smile win shout sweat bow stretch tremble jog",
}
PERSON_ADJECTIVES = {
    "town": "old young friendly tired cheerful gentle curious patient thirsty humble sleepy generous shy grumpy",
    "market": "new big major foreign large profitable cautious local independent ambitious solvent rival bankrupt",
    "stage": "famous great brave talented popular nervous proud fearless elegant tireless legendary clumsy modest",
}
THING_ADJECTIVES = {
    "town": "small little red green wooden sunny narrow yellow cozy dusty muddy rusty crooked mossy painted",
    "market": """public financial private strong weak domestic international expensive cheap federal corporate annual
        volatile competitive industrial regional lucrative overdue""",
    "stage": "loud fast modern brilliant classical lucky festive silver golden short fragile colorful noisy secondhand",
}
NAMES = """smith <unk> jones taylor clark lewis allen hill adams nelson carter
    mitchell roberts turner phillips campbell parker evans edwards collins stewart morris bell rogers reed murphy
    bailey cooper kelly howard peterson gray watson brooks sanders bennett ward barnes henderson perry
    jenkins powell lane patterson hughes simmons bryant griffin diaz hayes ford gibson ellis"""
ADVERBS = "often also now still never usually rarely always sometimes already quickly quietly"
COMPLEMENT = "say think believe expect hope claim know explain insist suspect"
REGARD = "know trust like help respect thank invite call greet ask admire accompany remind"
WISH = "want try refuse prepare promise"
CONJUNCTIONS = "but because while and although before"
PREPOSITIONS = "near with from behind beside without opposite"
FRONTS = """
last week|on monday|this year|in october|yesterday|on friday|last month|in N|for N years|today|in the morning|N days ago
next week|on tuesday|after N weeks|in spring|at noon|on sunday|in december|of course"""
TIMES = """
on monday|this year|in october|yesterday|on friday|last month|in N|for N years|every day|in the evening|N days ago
on tuesday|after N weeks|in summer|at night|on sunday|in december|again|together|at N o'clock"""
SINGULAR_DETERMINERS = "the a this every one another"
PLURAL_DETERMINERS = "the these some many two N those most several three all"
IRREGULAR_PLURALS = {"child": "children", "fisherman": "fishermen", "ferryman": "ferrymen", "postman": "postmen",
                     "chairman": "chairmen", "goose": "geese", "loaf": "loaves", "carmaker": "carmakers"}  # fmt: skip


def plural(noun: str) -> str:
    """The plural of an English noun."""
    if noun in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[noun]
    return third_person(noun)


def third_person(verb: str) -> str:
    """The third person singular of an English verb (or the plural of a noun, which is spelled alike)."""
    if verb.endswith(("s", "x", "z", "ch", "sh")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def past(verb: str) -> str:
    """The past participle of a regular English verb."""
    if verb in ("control", "transfer"):
        return verb + verb[-1] + "ed"
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + "ed"
