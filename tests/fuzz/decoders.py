"""All decoders, by name: whatever reads bytes that come from elsewhere.

Not here, and why:

- Files that an operator or the mesh itself writes for one process: knowledge, settings, state, status. Who can write
  them can do more than crash their reader. Snapshots are here, since they also come over the network.
- Weights, tokenizers and chat templates: whoever chooses them chooses what runs.
- What libraries read for us: TLS, HTTP below the control plane (uvicorn), the client's side of gRPC, Redis, Ray. The
  messages that come out of gRPC are here.
- The command line: nothing of strangers reaches it but documents and the control plane's answers, which are here.
"""

from tests.fuzz import answers, codecs, faces, grpc_calls, hpack, http2, paths, people, planes, requests, wire
from tests.fuzz.decoder import Decoder

DECODERS: dict[str, Decoder] = {
    decoder.name: decoder
    for decoder in (
        *requests.DECODERS,
        *paths.DECODERS,
        *answers.DECODERS,
        *codecs.DECODERS,
        *wire.DECODERS,
        *hpack.DECODERS,
        *http2.DECODERS,
        *grpc_calls.DECODERS,
        *planes.DECODERS,
        *people.DECODERS,
        *faces.DECODERS,
    )
}
