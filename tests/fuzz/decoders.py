"""All decoders, by name."""

from tests.fuzz import answers, codecs, requests, wire
from tests.fuzz.decoder import Decoder

DECODERS: dict[str, Decoder] = {
    decoder.name: decoder for decoder in (*requests.DECODERS, *answers.DECODERS, *codecs.DECODERS, *wire.DECODERS)
}
