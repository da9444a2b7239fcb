# ruff: noqa: E501 — one line a word, as in a dictionary
"""Words of four languages with the grammar that the caption world needs: gender, plural, cases, verb forms."""

# key | classes | en sg, pl | de gender sg, pl (* = weak: -n in all cases but the nominative) | fr gender sg, pl | pt gender sg, pl
NOUNS = """
man | person | man men | m Mann Männer | m homme hommes | m homem homens
woman | person | woman women | f Frau Frauen | f femme femmes | f mulher mulheres
boy | person | boy boys | m* Junge Jungen | m garçon garçons | m menino meninos
girl | person | girl girls | n Mädchen Mädchen | f fille filles | f menina meninas
child | person | child children | n Kind Kinder | m enfant enfants | f criança crianças
farmer | person | farmer farmers | m Bauer Bauern | m paysan paysans | m fazendeiro fazendeiros
student | person | student students | m* Student Studenten | m étudiant étudiants | m estudante estudantes
teacher | person | teacher teachers | m Lehrer Lehrer | m professeur professeurs | m professor professores
doctor | person | doctor doctors | m Arzt Ärzte | m médecin médecins | m médico médicos
cook | person | cook cooks | m Koch Köche | m cuisinier cuisiniers | m cozinheiro cozinheiros
singer | person | singer singers | f Sängerin Sängerinnen | f chanteuse chanteuses | f cantora cantoras
tourist | person | tourist tourists | m* Tourist Touristen | m touriste touristes | m turista turistas
worker | person | worker workers | m Arbeiter Arbeiter | m ouvrier ouvriers | m operário operários
fisherman | person | fisherman fishermen | m Fischer Fischer | m pêcheur pêcheurs | m pescador pescadores
neighbor | person | neighbor neighbors | f Nachbarin Nachbarinnen | f voisine voisines | f vizinha vizinhas
baker | person | baker bakers | m Bäcker Bäcker | m boulanger boulangers | m padeiro padeiros
dog | animal seen | dog dogs | m Hund Hunde | m chien chiens | m cachorro cachorros
cat | animal seen | cat cats | f Katze Katzen | m chat chats | m gato gatos
horse | animal seen ridden | horse horses | n Pferd Pferde | m cheval chevaux | m cavalo cavalos
goat | animal seen | goat goats | f Ziege Ziegen | f chèvre chèvres | f cabra cabras
duck | animal seen | duck ducks | f Ente Enten | m canard canards | m pato patos
bear | animal seen | bear bears | m* Bär Bären | m ours ours | m urso ursos
monkey | animal seen | monkey monkeys | m* Affe Affen | m singe singes | m macaco macacos
cow | animal seen | cow cows | f Kuh Kühe | f vache vaches | f vaca vacas
hat | worn thing | hat hats | m Hut Hüte | m chapeau chapeaux | m chapéu chapéus
shirt | worn dress thing | shirt shirts | n Hemd Hemden | f chemise chemises | f camisa camisas
jacket | worn dress thing | jacket jackets | f Jacke Jacken | f veste vestes | f jaqueta jaquetas
dress | worn dress thing | dress dresses | n Kleid Kleider | f robe robes | m vestido vestidos
coat | worn dress thing | coat coats | m Mantel Mäntel | m manteau manteaux | m casaco casacos
scarf | worn thing | scarf scarves | m Schal Schals | f écharpe écharpes | m cachecol cachecóis
helmet | worn thing | helmet helmets | m Helm Helme | m casque casques | m capacete capacetes
book | read written thing | book books | n Buch Bücher | m livre livres | m livro livros
letter | read written thing | letter letters | m Brief Briefe | f lettre lettres | f carta cartas
newspaper | read | newspaper newspapers | f Zeitung Zeitungen | m journal journaux | m jornal jornais
apple | food | apple apples | m Apfel Äpfel | f pomme pommes | f maçã maçãs
cake | food | cake cakes | m Kuchen Kuchen | m gâteau gâteaux | m bolo bolos
banana | food | banana bananas | f Banane Bananen | f banane bananes | f banana bananas
carrot | food | carrot carrots | f Karotte Karotten | f carotte carottes | f cenoura cenouras
ball | toy thing | ball balls | m Ball Bälle | f balle balles | f bola bolas
stick | toy thing | stick sticks | m Stock Stöcke | m bâton bâtons | m bastão bastões
kite | toy thing | kite kites | m Drachen Drachen | m cerf-volant cerfs-volants | f pipa pipas
guitar | played thing | guitar guitars | f Gitarre Gitarren | f guitare guitares | f guitarra guitarras
piano | played | piano pianos | n Klavier Klaviere | m piano pianos | m piano pianos
violin | played thing | violin violins | f Geige Geigen | m violon violons | m violino violinos
drum | played thing | drum drums | f Trommel Trommeln | m tambour tambours | m tambor tambores
bicycle | ridden thing | bicycle bicycles | n Fahrrad Fahrräder | m vélo vélos | f bicicleta bicicletas
car | seen painted | car cars | n Auto Autos | f voiture voitures | m carro carros
boat | seen painted | boat boats | n Boot Boote | m bateau bateaux | m barco barcos
wall | painted | wall walls | f Wand Wände | m mur murs | f parede paredes
fence | painted | fence fences | m Zaun Zäune | f clôture clôtures | f cerca cercas
door | painted opened | door doors | f Tür Türen | f porte portes | f porta portas
window | opened | window windows | n Fenster Fenster | f fenêtre fenêtres | f janela janelas
umbrella | thing opened | umbrella umbrellas | m Regenschirm Regenschirme | m parapluie parapluies | m guarda-chuva guarda-chuvas
basket | thing | basket baskets | m Korb Körbe | m panier paniers | f cesta cestas
lamp | thing | lamp lamps | f Lampe Lampen | f lampe lampes | f lâmpada lâmpadas
flower | thing | flower flowers | f Blume Blumen | f fleur fleurs | f flor flores
chair | thing painted | chair chairs | m Stuhl Stühle | f chaise chaises | f cadeira cadeiras
park | place | park parks | m Park Parks | m parc parcs | m parque parques
garden | place | garden gardens | m Garten Gärten | m jardin jardins | m jardim jardins
forest | place | forest forests | m Wald Wälder | f forêt forêts | f floresta florestas
kitchen | place | kitchen kitchens | f Küche Küchen | f cuisine cuisines | f cozinha cozinhas
village | place | village villages | n Dorf Dörfer | m village villages | f aldeia aldeias
city | place | city cities | f Stadt Städte | f ville villes | f cidade cidades
street | place | street streets | f Straße Straßen | f rue rues | f rua ruas
beach | place | beach beaches | m Strand Strände | f plage plages | f praia praias
bridge | place | bridge bridges | f Brücke Brücken | m pont ponts | f ponte pontes
stage | place | stage stages | f Bühne Bühnen | f scène scènes | m palco palcos
meadow | place | meadow meadows | f Wiese Wiesen | f prairie prairies | m prado prados
house | place painted | house houses | n Haus Häuser | f maison maisons | f casa casas
church | place | church churches | f Kirche Kirchen | f église églises | f igreja igrejas
school | place | school schools | f Schule Schulen | f école écoles | f escola escolas
tree | place | tree trees | m Baum Bäume | m arbre arbres | f árvore árvores
"""

# key | classes it fits | de stem | fr place (before or after the noun), m, f, plurals m, f | pt m, f, plurals m, f
ADJECTIVES = """
young | person animal | jung | before jeune jeune jeunes jeunes | jovem jovem jovens jovens
old | person animal thing place painted opened | alt | before vieux vieille vieux vieilles | velho velha velhos velhas
small | person animal thing place food painted opened | klein | before petit petite petits petites | pequeno pequena pequenos pequenas
big | animal thing place food painted opened played | groß | before grand grande grands grandes | grande grande grandes grandes
happy | person | glücklich | after heureux heureuse heureux heureuses | feliz feliz felizes felizes
tired | person animal | müd | after fatigué fatiguée fatigués fatiguées | cansado cansada cansados cansadas
blond | person | blond | after blond blonde blonds blondes | louro loura louros louras
strong | person animal | stark | after fort forte forts fortes | forte forte fortes fortes
curious | person animal | neugierig | after curieux curieuse curieux curieuses | curioso curiosa curiosos curiosas
brown | animal thing painted | braun | after brun brune bruns brunes | castanho castanha castanhos castanhas
black | animal thing painted played | schwarz | after noir noire noirs noires | preto preta pretos pretas
white | animal thing painted | weiß | after blanc blanche blancs blanches | branco branca brancos brancas
red | thing painted food | rot | after rouge rouge rouges rouges | vermelho vermelha vermelhos vermelhas
blue | thing painted | blau | after bleu bleue bleus bleues | azul azul azuis azuis
green | thing painted food place | grün | after vert verte verts vertes | verde verde verdes verdes
yellow | thing painted food | gelb | after jaune jaune jaunes jaunes | amarelo amarela amarelos amarelas
quiet | place | ruhig | after tranquille tranquille tranquilles tranquilles | tranquilo tranquila tranquilos tranquilas
"""

# key | subject classes | object classes | en ing, infinitive | de sg, pl, infinitive, particle | fr sg, pl, inf | pt gerund, inf
VERBS = """
sleep | person animal | | sleeping sleep | schläft schlafen schlafen - | dort dorment dormir | dormindo dormir
run | person animal | | running run | rennt rennen rennen - | court courent courir | correndo correr
smile | person | | smiling smile | lächelt lächeln lächeln - | sourit sourient sourire | sorrindo sorrir
dance | person | | dancing dance | tanzt tanzen tanzen - | danse dansent danser | dançando dançar
work | person | | working work | arbeitet arbeiten arbeiten - | travaille travaillent travailler | trabalhando trabalhar
wait | person animal | | waiting wait | wartet warten warten - | attend attendent attendre | esperando esperar
arrive | person animal | | arriving arrive | kommt kommen ankommen an | arrive arrivent arriver | chegando chegar
read | person | read | reading read | liest lesen lesen - | lit lisent lire | lendo ler
write | person | written | writing write | schreibt schreiben schreiben - | écrit écrivent écrire | escrevendo escrever
wear | person | worn | wearing wear | trägt tragen tragen - | porte portent porter | vestindo vestir
put_on | person | dress | putting+on put+on | zieht ziehen anziehen an | met mettent mettre | colocando colocar
eat | person animal | food | eating eat | isst essen essen - | mange mangent manger | comendo comer
throw | person | toy | throwing throw | wirft werfen werfen - | lance lancent lancer | jogando jogar
chase | animal | toy animal | chasing chase | jagt jagen jagen - | poursuit poursuivent poursuivre | perseguindo perseguir
pick_up | person | thing | picking+up pick+up | hebt heben aufheben auf | ramasse ramassent ramasser | apanhando apanhar
tune | person | played | tuning tune | stimmt stimmen stimmen - | accorde accordent accorder | afinando afinar
paint | person | painted | painting paint | malt malen anmalen an | peint peignent peindre | pintando pintar
watch | person | animal seen | watching watch | beobachtet beobachten beobachten - | observe observent observer | observando observar
look_at | person | seen painted | looking+at look+at | sieht sehen ansehen an | regarde regardent regarder | olhando olhar
open | person | opened | opening open | macht machen aufmachen auf | ouvre ouvrent ouvrir | abrindo abrir
carry | person | thing food | carrying carry | schleppt schleppen schleppen - | transporte transportent transporter | carregando carregar
buy | person | thing food worn read | buying buy | kauft kaufen kaufen - | achète achètent acheter | comprando comprar
bring_along | person | thing food animal | bringing+along bring+along | bringt bringen mitbringen mit | apporte apportent apporter | trazendo trazer
"""

# key | en | de | fr | pt | the nouns that go with it
PLACES = """
in | in | in | dans | em | park garden forest kitchen village city house church school
on_street | on | auf | dans | em | street
on_beach | on | an | sur | em | beach
on | on | auf | sur | em | bridge stage meadow
front | in front of | vor | devant | em frente a | house church school
behind | behind | hinter | derrière | atrás de | house church school tree fence
under | under | unter | sous | debaixo de | tree bridge
"""

DETERMINERS = {  # number, en, fr m f, pt m f
    "a": ("s", "a", "un une", "um uma"),
    "the": ("s", "the", "le la", "o a"),
    "the_pl": ("p", "the", "les les", "os as"),
    "two": ("p", "two", "deux deux", "dois duas"),
    "three": ("p", "three", "trois trois", "três três"),
    "some": ("p", "some", "quelques quelques", "alguns algumas"),
}
CONJUNCTIONS = {
    "while": ("while", "während", "pendant que", "enquanto"),
    "because": ("because", "weil", "parce que", "porque"),
}
MODALS = {  # en sg pl, de sg pl, fr sg pl, pt sg pl
    "want": ("wants to|want to", "will|wollen", "veut|veulent", "quer|querem"),
    "can": ("can|can", "kann|können", "peut|peuvent", "pode|podem"),
    "must": ("must|must", "muss|müssen", "doit|doivent", "deve|devem"),
}
GERMAN_ARTICLES = {  # nominative, accusative, dative of masculine, feminine, neuter, plural
    "a": {"m": "ein einen einem", "f": "eine eine einer", "n": "ein ein einem"},
    "the": {"m": "der den dem", "f": "die die der", "n": "das das dem"},
    "the_pl": "die die den",
    "two": "zwei zwei zwei",
    "three": "drei drei drei",
    "some": "einige einige einigen",
}
GERMAN_ENDINGS = {  # of the adjective after each article
    "a": {"m": "er en en", "f": "e e en", "n": "es es en"},
    "the": {"m": "e en en", "f": "e e en", "n": "e e en"},
    "the_pl": "en en en",
    "two": "e e en",
    "three": "e e en",
    "some": "e e en",
}
VOWELS = tuple("aeiouhéèêâîôû")
