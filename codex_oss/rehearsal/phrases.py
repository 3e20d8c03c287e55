"""The words of questions: what marks a name, what marks an intent, and what narrows a question.

Tables and patterns only; `questions` reads with them. Every way of asking that is understood is
here, and a way that is not here leaves a question without an intent.
"""

import re
from typing import Literal

Intent = Literal["define", "call", "use", "raise", "import", "mention", "value", ""]

KINDS = (
    "function method class constant variable struct type interface enum trait module macro key"
    " attribute option setting field parameter argument exception error"
).split()
PARAMETERS = ("parameter", "argument")
KEYS = ("key", "option", "setting")

_ENDINGS = (
    "py pyi js jsx mjs cjs ts tsx go rs java kt cc cpp hpp rb php sh json yaml yml toml ini cfg md"
    " txt swift scala cs c h"
).replace(" ", "|")
SYMBOL = re.compile(
    r"`(?P<tick>[^`\n]{1,120})`|\"(?P<double>[^\"\n]{1,120})\""
    r"|(?<!\w)'(?P<single>[^'\n]{1,120})'(?!\w)"
    rf"|(?<![\w./])(?P<path>[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:{_ENDINGS}))(?![\w(])"
    r"|(?<!\w)(?P<owner>(?!(?i:where|what|who|that|it|there)'s)[A-Za-z_$][\w$.]*)(?='s\s)"
    r"|(?P<dotted>(?!(?:i\.e|e\.g)\b)[A-Za-z_$][\w$]*(?:(?:\.|::|\#)[A-Za-z_$][\w$]*)+)(?:\(\))?"
    r"|(?P<called>[A-Za-z_$][\w$]*)\(\)"
    r"|\b(?P<snake>[A-Za-z]*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|[A-Z][A-Z0-9]{2,})\b"
)
NUMBER = re.compile(r"(?<![\w.])\d{2,}(?![\w.])")
PATH = re.compile(rf"[\w.@-]+(?:/[\w.@-]+)*(?:/|/[\w.@-]+|\.(?:{_ENDINGS}))")
NAME = re.compile(r"[A-Za-z_$][\w$-]*[?!]?")

KIND = "|".join(KINDS)
ARTICLES = (
    rf"(?:(?:the|a|an|its?|this|that|our|all|any|every|each|of|name|named|called|symbol|file|folder"
    rf"|directory|package|default|value|(?:{KIND})(?:e?s)?)\s+)*+"
)
GENERIC = (
    "repository|repo|project|code|codebase|checkout|sources?|tree|scope|library|packages?|modules?"
    "|files?|folders?|lines?|numbers?|evidence|paths?|definitions?|it|its|them|their|which|what"
    "|detail|here|values?|defaults?"
)
_NO_NAME = (  # In small letters: `Path` is a name where `path` is none.
    rf"(?-i:{GENERIC}|(?:{KIND})(?:e?s)?|is|are|was|be|of|in|for|that|this|to|who|where|how|does|do"
    r"|Where|What|Which|Who|How|Is|Are|Does|Do|Find|List|Show"
    r"|defined?|declared|used|called|raised|thrown|imported|implemented|located|found|set|any"
    r"|anything|anybody|anyone|anywhere|nothing|nobody|something|there|we|you|they|on|by|at|from"
    r"|and|or|not|no|still|ever|exactly|itself|when|if|one|every\w*|some\w*|get|gets|have|has)"
)
_WORD = rf"(?P<plain>(?!{_NO_NAME}\b)[A-Za-z_$][\w$-]*)"
PLAIN = tuple(
    re.compile(row, re.IGNORECASE)
    for row in (
        rf"\b(?:{KIND}|decorator|helper)(?:\s+(?:called|named))?\s+{_WORD}",
        rf"\b(?:the|an?|any)\s+{_WORD}\s+(?:{KIND}|decorator|helper)\b",
        r"\b(?:what's|where(?:'s|\s+is|\s+are|\s+was)|find|locate|calls?|uses?|invokes?|references?"
        r"|defines?|imports?|raises?|throws?|reads?|mentions?|does|is|of|to|for)"
        rf"\s+{ARTICLES}{_WORD}",
    )
)
"""Where such questions have their name, if nothing in them looks like code."""

_NO_PART = (
    rf"{_NO_NAME}|type|name|callers?|usages?|uses?|places?|locations?|purpose|role|point|meaning|signature"
    r"|docstring|description|difference|body|origin|owner|kind|sort|way|reason|effect"
)
_PART = rf"(?P<plain>(?!(?:{_NO_PART})\b)[a-z_]\w*)"
PART_OF = tuple(
    (re.compile(rf"{before}\Z", re.IGNORECASE), re.compile(after, re.IGNORECASE))
    for before, after in (
        (
            rf"\b(?:what|which)\s+{_PART}\s+do(?:es)?\s+{ARTICLES}",
            r"\s+(?:use|have|take|assume|default|get|set|carry|pick|apply|fall|start|begin)\b",
        ),
        (rf"\bwhat(?:'s|\s+is|\s+are)\s+{ARTICLES}{_PART}\s+(?:of|for|in|on)\s+{ARTICLES}", ""),
        (rf"\bdefault\s+{ARTICLES}(?:of\s+|for\s+)?{_PART}\s+(?:of|for|in|on)\s+{ARTICLES}", ""),
    )
)
"""What stands before and behind a name where the question is for a part of it, in a plain word."""

CLAUSE_END = re.compile(
    r"(?P<again>[,;:.?!(]?\s+(?:i\.e\.|I mean|that is to say|in other words)[,:]?\s+)"
    r"|[?;\n]+|\.(?=\s|$)"
    r"|,?\s+(?:and|also|then)\s+(?=(?:where|who|what|which|how|find|locate|list|show)\b)",
    re.IGNORECASE,
)
"""`again`: what follows says what was meant by what stands before."""

AT_FIRST_INSIDE = re.compile(rf"^\W*(?:in|inside|within|for)\s+{ARTICLES}$", re.IGNORECASE)
INSIDE = re.compile(
    rf"^[\s,]*(?:\w+\s+){{0,3}}?(?P<word>of|in|on|inside|within|from|for|to|by)\s+{ARTICLES}$",
    re.IGNORECASE,
)
OWNED = re.compile(rf"^\s*'s\s+{ARTICLES}$", re.IGNORECASE)
HAS = re.compile(rf"^\s+do(?:es)?\s+{ARTICLES}$", re.IGNORECASE)
OF_THE_SAME = re.compile(rf"\b(?:its|their)\s+{ARTICLES}$", re.IGNORECASE)
SAME_AGAIN = re.compile(r"\b(?:it|its|they|them|their)\b", re.IGNORECASE)

MARK = "\N{SECTION SIGN}"  # Stands for a symbol where only the words round it count.
INTENTS: tuple[tuple[Intent, str], ...] = (
    ("value", rf"\b(?:what|which) {MARK} do(?:es)? {ARTICLES}{MARK}"),
    (
        "",
        rf"\bdo(?:es)?\b[^{MARK}]*{MARK}.*\b(?:call|use|invoke|depend|import|raise|throw)\b"
        r"|\b(?:called|used|raised|thrown) by\b",
    ),
    ("raise", r"\brais(?:es?|ed|ing)\b|\bthrow(?:s|n|ing)?\b"),
    ("import", r"\bimport(?:s|ed|ing|ers?)?\b"),
    ("call", r"\bcall(?:s|ed|ers?|ing)?\b|\binvok\w+"),
    (
        "value",
        r"\bdefaults?\b|\bset\b|\bassigned\b|\binitiali[sz]ed\b"
        r"|\bhow (?:big|long|large|many|wide)\b",
    ),
    ("mention", r"\bmention\w*|\boccurs?\b|\boccurrences?\b|\bappears?\b|\btexts?\b|\bwritten\b"),
    ("use", r"\b(?:used|usages?|uses?|using|referenc\w+|refers?|reads?)\b"),
    ("value", rf"\b(?:values?|equals?)\b|\bmap(?:s|ped)? to\b|\bwhat(?:'s| is) {MARK},? in {MARK}"),
    ("value", rf"\bwhat(?:'s| is| are) {ARTICLES}{MARK} (?:of|for|on) {ARTICLES}{MARK}"),
    (
        "define",
        r"\bdefin\w+|\bdeclar\w+|\bimplement\w*|\blocat\w+|\blives?\b|\bcomes? from\b|\bwhere\b"
        r"|\bwhich (?:file|module|class)\b|\bfind\b|\bis there\b|\bexists?\b"
        rf"|^\W*what(?:'s| is| are) (?:the )?(?:(?:{KIND}) )?{MARK}\W*$",
    ),
)
"""What a clause asks: the first row that fits. One row asks for more than a look-up."""

USES = ("call", "use", "raise", "import", "mention")
"""Intents that ask for places; a clause may ask for several of them, and for the definition."""

DEFINES = re.compile(r"\b(?:defined?|definitions?|declar\w+|implement\w*)\b(?! in\b)")
RESTRICTS = re.compile(
    r"\b(?P<word>(?:only|except|excluding|without|unless|if|when|whenever|during|after|before|first"
    r"|last|most|least|more|why|how|should|not|never|instead|differ\w*|between|versus|vs)\b"
    rf"|(?:for|in|on|by|from|within|inside|under|with|against)\s+{ARTICLES}"
    rf"(?!(?:{GENERIC}|still|any\w*|yet|please)\b|{MARK})\w+)",
    re.IGNORECASE,
)
CALLED_SO = re.compile(
    rf"\b((?:{KIND}) )?(?:called|named) (?={MARK})(?!{MARK}\W*$)"
    rf"|\b((?:the|an?|any) (?:{KIND}) )(?:called|named) (?={MARK})"
)
KNOWN = frozenset(
    """
    where what which who whom how is are was were be been do does did has have had can may will
    there here it its it they them their this that these those i we you me my our us s the a an
    all any every each both of in on at for to from by with and or also then exactly actually
    really please still ever yet now just left anywhere anything anybody anyone something
    somebody find locate list show tell give say cite report know mean need want define defines
    defined defining definition declare declares declared declaration implement implements
    implemented implementation located location live lives come comes exist exists call calls
    called calling caller callers invoke invokes invoked use uses used using usage usages user
    users reference references referenced referring refer refers read reads import imports
    imported importing importer importers raise raises raised raising throw throws thrown
    throwing mention mentions mentioned occur occurs occurrence occurrences appear appears text
    texts written set sets assigned default defaults value values equal equals map maps mapped
    initial initialized initialised take takes carry pick assume apply begin start get gets
    entry entries table config configuration code place places site sites spot statement
    statements name names symbol string helper helpers decorator metaclass property properties
    big long large many wide number numbers as repository repo project codebase checkout source
    sources tree scope library package packages module modules file files folder folders line
    lines evidence path paths definitions detail function functions method methods class classes
    constant constants variable variables struct structs type types interface interfaces enum
    enums trait traits macro macros key keys attribute attributes option options setting
    settings field fields parameter parameters argument arguments exception exceptions error
    errors
    """.split()
)
"""Words that say no more than the look-up itself. Any other word narrows a question, or asks for
something else: it is named as unread."""

GETS = re.compile(r"\bgets?\b(?! (?:called|used|raised|thrown|imported|defined|set|assigned)\b)")
