"""`python -m model_repo.faq.vectors`: the bundled encoder as a filter. A JSON text a line in, its vector a line out."""

import json
import sys

from model_repo.faq.nano_encoder import NanoEncoder


def main() -> int:
    """Embed until the input ends."""
    encoder = NanoEncoder()
    for line in sys.stdin:
        vector = encoder.embed([json.loads(line)])[0]
        sys.stdout.write(json.dumps([round(float(number), 6) for number in vector]) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
