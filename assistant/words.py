"""Words by their stems, those that news uses for one thing under one of them."""

from __future__ import annotations

import re

# Words for one kind of event; a question may use one and an article another.
_SAME = {
    "attack": "attack bomb bombard destroy hit harm raid shell strike struck target aim",
    "kill": "kill die dead death slay slain murder",
    "build": "build building structure",
}
# Past forms that a stem does not show.
_PAST = {
    "struck": "strike", "shot": "shoot", "fell": "fall", "fallen": "fall", "held": "hold", "won": "win", "lost": "lose",
    "found": "find", "began": "begin", "begun": "begin", "took": "take", "taken": "take", "gave": "give",
    "given": "give", "flew": "fly", "fled": "flee", "fought": "fight", "bought": "buy", "brought": "bring",
    "sold": "sell", "stole": "steal", "stolen": "steal", "broke": "break", "broken": "break", "chose": "choose",
    "chosen": "choose", "drove": "drive", "led": "lead", "left": "leave", "met": "meet", "paid": "pay", "sank": "sink",
    "sunk": "sink", "sent": "send", "shook": "shake", "spent": "spend", "spoke": "speak", "swore": "swear",
    "taught": "teach", "wore": "wear", "wrote": "write", "written": "write", "caught": "catch", "built": "build",
    "became": "become", "ran": "run", "rose": "rise", "risen": "rise", "grew": "grow", "threw": "throw", "hid": "hide",
    "hidden": "hide", "kept": "keep", "knew": "know", "known": "know", "dealt": "deal", "felt": "feel", "sang": "sing",
}  # fmt: skip
_PLURALS = {"people": "person", "men": "man", "women": "woman", "children": "child", "lives": "life", "bodies": "body"}
_ENDINGS = (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", ""))
_WORD = re.compile(r"[^\W_]+(?:[.’'-][^\W_]+)*")
_EMPTY = frozenset(
    "a an the did do does were was are is be been being have has had will would can could may might there in on at by "
    "from with to when where who whom what which how why that and or but as for since into than while because so this "
    "these those it he she they him her them his its their our you i we us any some all part same of not no".split()
)


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return [match.group().casefold() for match in _WORD.finditer(text)]


def with_bases(text: str) -> str:
    """Return a text with the base forms of its irregular past forms after it: "strike" for "struck"."""
    return " ".join([text, *(_PAST[word] for word in words_of(text) if word in _PAST)])


def stem(word: str) -> str:
    """Return a word without its ending, crudely: enough to tell "strikes" from "strokes"."""
    word = re.sub(r"['’]s?$", "", word.casefold())
    word = _PLURALS.get(word, word)
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            return re.sub(r"(?<=([bdgmnprt]))\1$", "", word.removesuffix(ending)) + instead
    return word


_ONE_FOR = {stem(word): kind for kind, group in _SAME.items() for word in group.split()}


def content_words(text: str) -> frozenset[str]:
    """Return what a text is about: its stems without small words, one for all words of one kind of event."""
    stems = (stem(word) for word in words_of(text) if word not in _EMPTY)
    return frozenset(_ONE_FOR.get(one, one) for one in stems)
