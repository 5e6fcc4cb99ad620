"""Which language a question is in, as far as an answer's choice of words needs it."""


def of(text: str) -> str:
    """`zh` where at least three in ten of the letters are Chinese characters, else `en`.

    Latin names stand in most Chinese questions ("怎么用PayPal付款"), seldom the other way round.
    """
    letters = [character for character in text if character.isalpha()]
    chinese = sum("\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf" for character in letters)
    return "zh" if letters and chinese / len(letters) >= 0.3 else "en"
