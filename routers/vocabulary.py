"""Words that tell an easy question from a hard one, in English and Chinese. Data of `routers.complexity`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that are one kind of sign. Each different one that occurs pushes by `weight`, `most` of them at most."""

    weight: float
    most: int
    words: frozenset[str]
    """Whole words in lower case: a set is looked through at once."""
    phrases: tuple[str, ...]
    """English phrases, found anywhere."""
    chinese: tuple[str, ...]
    """Chinese words, found anywhere: Chinese has no spaces to split at."""


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


VOCABULARIES: dict[str, Vocabulary] = {
    # Asks for thought rather than for a fact.
    "reasoning": Vocabulary(
        weight=0.7,
        most=3,
        words=frozenset(
            _list(
                """
                why explain explains explanation compare compared comparing comparison difference differences differ
                analyse analyze analysis evaluate evaluation justify prove proof derive recommend recommendation advise
                advice tradeoff tradeoffs versus vs strategy plan better best should reason reasons consider weigh
                """
            )
        ),
        phrases=(
            "step by step",
            "pros and cons",
            "trade-off",
        ),
        chinese=_list(
            """
            为什么 为何 解释 比较 对比 相比 区别 分析 评估 证明 推导 推荐 建议 利弊 优缺点 步骤 规划 计划
            怎么选 哪个更 哪款更 应该选 理由
            """
        ),
    ),
    # Asks for a new text rather than for a known one.
    "writing": Vocabulary(
        weight=1.3,
        most=1,
        words=frozenset(
            _list(
                """
                write draft compose rewrite rephrase translate summarise summarize summary brainstorm generate invent
                poem essay story
                """
            )
        ),
        phrases=(),
        chinese=_list("撰写 写一 写个 写封 起草 改写 翻译 总结 概括 润色 生成 编一 拟一"),
    ),
    # Conditions that an answer must respect together.
    "constraints": Vocabulary(
        weight=0.25,
        most=4,
        words=frozenset(
            _list("but however unless without must exactly except assuming suppose given although while both")
        ),
        phrases=(
            "at least",
            "at most",
            "in case",
        ),
        chinese=_list("但是 不过 除非 必须 至少 最多 不要 不能 假设 如果 并且 同时 前提"),
    ),
}
