"""Text in an article that speaks to a language model, and not to its readers.

Such an article is not shown to the model. No list is complete: what is written is held against the evidence all the
same (`assistant.writing.verification`). The two together are what is promised, and no more.
"""

from __future__ import annotations

import re
import unicodedata

_PREVIOUS = (
    r"(?:all|any|every|the|your|my|these|those|previous|prior|above|earlier|preceding|foregoing|former|other|of)"
)
_ORDERS = r"(?:instructions?|prompts?|rules?|directions?|guidelines?|commands?|directives?|orders?|constraints?)"
_FORGET = r"(?:ignore|disregard|forget|override|bypass|skip|drop|discard|neglect|overrule)"
_MACHINE = r"(?:ai|a\.i\.|assistant|language model|llm|chat ?bot|gpt|model|summari[sz]er|bot|agent)"
_SAYS = r"(?:respond|reply|answer|output|print|write|say|state|repeat|conclude|summari[sz]e|include|insert|append|claim|tell)"

_PATTERNS = (
    # ── "ignore all previous instructions", in some languages ──
    rf"\b{_FORGET}\s+(?:{_PREVIOUS}\s+){{0,4}}{_ORDERS}\b",
    rf"\b{_FORGET}\s+(?:everything|anything|all|what)\b[^.\n]{{0,40}}\b(?:above|before|told|said|so far|until now|earlier)\b",
    r"\bignor(?:iere|ieren sie|a|e|ez)\b[^.\n]{0,40}\b(?:anweisungen|instrucciones|instructions|istruzioni|instruções|consignes)\b",
    r"\bvergiss\b[^.\n]{0,40}\b(?:anweisungen|regeln)\b",
    r"\b(?:игнорируй(?:те)?|забудь(?:те)?)\b[^.\n]{0,40}\b(?:инструкци|указани)",
    r"忽略.{0,12}(?:指令|指示|说明)|(?:指示|命令)を無視",
    r"تجاهل.{0,20}(?:التعليمات|الأوامر)",
    # ── who is spoken to ──
    rf"\b(?:dear|attention|hey|hello|note to|message (?:to|for)|instructions? (?:to|for))\s+(?:the\s+|any\s+|all\s+)?{_MACHINE}s?\b\s*[:,!–—-]",
    rf"\b(?:if|when|since|as)\s+you\s+are\s+an?\s+(?:\w+\s+)?{_MACHINE}\b",
    rf"\byou\s+are\s+(?:now|henceforth|from now on)\s+(?:in\s+\w+\s+mode|acting\s+as|(?:an?|the)\s+(?:\w+\s+){{0,3}}{_MACHINE})\b",
    r"\byou\s+are\s+no\s+longer\s+(?:bound|required|an?\s+(?:assistant|language model|chat ?bot))\b",
    rf"\byou\s+are\s+an?\s+(?:\w+\s+){{0,3}}{_MACHINE}\b",
    r"\bas\s+an?\s+(?:ai|language model|assistant|llm)\b",
    rf"\b{_MACHINE}s?\s+(?:reading|processing|summari[sz]ing|parsing)\s+this\b",
    r"\bwhoever\s+(?:summari[sz]es|answers)\b[^.\n]{0,40}\bmust\b",
    # ── what it is told to do ──
    rf"\b(?:assistant|model)\s+(?:must|should|shall|will|has to|needs to)\s+(?:now\s+|only\s+|always\s+|instead\s+)?{_SAYS}\b",
    r"\byou\s+(?:must|should|shall|will|have to|need to)\s+(?:now\s+|only\s+|always\s+|instead\s+)?(?:respond|reply|output|print|include|insert|append|summari[sz]e)\b",
    rf"\b(?:instead|only|simply)\s*,?\s+{_SAYS}\s+(?:only|that|with|the following|exactly|as follows|:|[“\"'])",
    rf"\b{_SAYS}\s+(?:only\s+)?(?:with|exactly|verbatim|the following|as follows|after me)\b[^.\n]{{0,30}}[:“\"']",
    r"\b(?:in|for|begin|start|end)\s+(?:your|the)\s+(?:answer|response|reply|output|summary)\b",
    r"\byour\s+(?:(?:new|real|actual|only|next|first)\s+)?(?:task|instructions?|role|goal|job|persona)\s+(?:is|are|has|have)\b",
    rf"\b(?:new|updated|revised|important|urgent|secret|hidden)\s+(?:system\s+)?{_ORDERS}\s*[:\-–—]",
    r"\b(?:developer|debug|god|jailbreak|maintenance|admin(?:istrator)?|dan)\s+mode\b",
    r"\b(?:reveal|print|show|repeat|leak|output)\b[^.\n]{0,30}\b(?:system prompt|your (?:prompt|instructions|rules)|api key)\b",
    r"\bdo\s+not\s+(?:cite|mention|quote|attribute|tell the user|follow the (?:rules|instructions))\b",
    # ── the dress of a conversation with a machine ──
    r"<\|?\s*/?\s*(?:im_start|im_end|system|assistant|user|endoftext|eot_id|start_header_id|passage|passages|evidence|instructions?)\b[^>\n]*>",
    r"\[/?(?:inst|sys|system|assistant)\]|<<\s*/?sys\s*>>",
    r"^\s*#{1,4}\s*(?:system|instructions?|assistant|prompt|response|task)\b",
    r"^\s*(?:system|assistant|user|human|ai)\s*(?:prompt|message)?\s*:",
    r"\bsystem\s+(?:prompt|message|override|notice)\b",
    r"\bprompt\s+injection\b",
    r"\b(?:end|begin|start)\s+of\s+(?:the\s+)?(?:passages?|evidence|article|context|prompt|user input|untrusted)\b",
)  # fmt: skip
_SPEAKS = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE | re.MULTILINE)
# Letters that look alike, and what is invisible between them, hide a word from a pattern and not from a model.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
_ALIKE = str.maketrans("аеорсухіѕԁ", "aeopcyxisd")


def speaks_to_a_model(text: str) -> bool:
    """Whether something in a text is addressed to a language model."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return any(_SPEAKS.search(one) for one in (plain, plain.translate(_ALIKE), _joined(plain)))


def _joined(text: str) -> str:
    """Write words whose letters stand apart ("i g n o r e") in one, and lines as one."""
    apart = re.sub(r"\b(?:\w[ .·_-]){3,}\w\b", lambda match: re.sub(r"[ .·_-]", "", match.group()), text)
    return re.sub(r"\s+", " ", apart)
