"""What the model says to a chat: an entry's answer, or nothing."""

from dataclasses import dataclass

from model_repo import openai
from model_repo.faq import languages
from model_repo.faq.encoder import MOST_TOKENS, Encoder
from model_repo.faq.matching import Index


@dataclass(frozen=True, slots=True)
class Answer:
    """The matched entry's words in the asker's language."""

    text: str
    entry: str
    confidence: float
    usage: openai.Usage


@dataclass(frozen=True, slots=True)
class Abstention:
    """Not sure enough; `why` is a sentence."""

    confidence: float
    why: str


def question(request: openai.ChatRequest) -> str | None:
    """What the last message asks, or None where the user did not speak last. Earlier turns play no part."""
    last = request.messages[-1]
    return last.text.strip() or None if last.role == "user" else None


def answer(request: openai.ChatRequest, index: Index, encoder: Encoder, threshold: float) -> Answer | Abstention:
    """Answer from the nearest entry, or abstain where it is not near enough.

    The words are the shop's own, so temperature, seed, stop and token limits do not apply to them. A request for tools,
    a response format and the like is left to a model that might honour it.
    """
    if field := openai.unsupported(request):
        return Abstention(0.0, f"This model does not support {field!r}.")
    asked = question(request)
    if asked is None:
        return Abstention(0.0, "The last message is not a question of the user's.")
    tokens = encoder.tokens(asked)
    if tokens > MOST_TOKENS:
        return Abstention(0.0, f"The question has {tokens} tokens and this model reads {MOST_TOKENS}.")
    match = index.search([asked])[0][0]
    if match.confidence < threshold:
        why = f"The nearest entry has a confidence of {match.confidence:.4f}, below the threshold of {threshold:.4f}."
        return Abstention(match.confidence, why)
    text = match.entry.answer(languages.of(asked))
    return Answer(text, match.entry.id, match.confidence, openai.Usage(tokens, encoder.tokens(text)))
