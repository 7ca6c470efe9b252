"""What the running assistant and its simulation share: questions, odds, texts and the small rules between them.

What is marked as a coincidence holds in nearly every visit and is no invariant: a miner should not fall for it.
So does what is a habit: in a counterfactual run it is broken as often as not.
"""

from __future__ import annotations

from functools import cache
from typing import overload

from fluo_lab.worlds.chance import Chance, Chances
from fluo_lab.worlds.questions import HowMany, Integers, Mask, Whether, Which

CHAT, QUESTION, TASK, SUMMARY, FEEDBACK, HISTORY = range(6)
"""What a visit does; chat and question come in by the same route."""

WORKFLOW = Which("workflow", ("chat", "question", "task", "summary", "feedback", "history"), (10, 36, 39, 7, 5, 3))

HABITUAL_SPANS = {
    "analytics.track": 0.97,  # coincidence: nearly everywhere
    "quota.check": 0.97,  # coincidence: nearly everywhere
    "conversation.load": 0.98,  # coincidence: nearly everywhere
    "answer.cache_read": 0.97,  # coincidence: a read before each generation
    "prompt.compress": 0.97,  # common cause: a long prompt
    "context.offload": 0.97,  # common cause: a long prompt
    "content.redact": 0.97,  # coincidence: nearly always after a flag
    "chat.refuse": 0.97,  # coincidence: nearly always after a block
    "embed.query": 0.97,  # coincidence: a step before each search
    "hybrid.fuse": 0.985,  # coincidence: nearly always in this retriever
    "web.fetch": 0.97,  # coincidence: nearly always in this tool
    "tool.query": 0.97,  # coincidence: nearly always in this tool
    "document.split": 0.97,  # coincidence: nearly everywhere
    "document.load": 0.98,  # coincidence: nearly everywhere
    "webhook.deliver": 0.9,
    "ranking.update": 0.95,
}
"""How often spans are there that could as well be left out; others are there in 99 of 100 cases."""

# Messages (chat and question) and tasks.
IS_STREAM = Whether("streams the answer", 0.9)
QUOTA_LEFT = HowMany("quota left", 1, 5_000, widest=(0, 20_000))
CHECKS_QUOTA_FIRST = Whether("checks the quota first", 0.98, is_habit=True)  # coincidence: habitual order
TRACKS_LAST = Whether("tracks analytics last", 0.97, is_habit=True)  # coincidence: habitual order
SENDS_NOTICE = Whether("sends a notice first", 0.35)
NEEDS_NO_REMINDER = Whether("needs no reminder of the terms", 0.985, is_habit=True)
HAS_PLAIN_PROMPT = Whether("prompt names nobody", 0.985, is_habit=True)
MODERATES_PROMPT = Whether("moderates the prompt too", 0.05)
HAS_ONE_ATTACHMENT = Whether("moderates one prompt at most", 0.99, is_habit=True)
LOADS_EARLY = Whether("loads the conversation before it answers", 0.985, is_habit=True)  # coincidence: habitual order
LOADS_FIRST = Whether("loads the conversation before the check", 0.97, is_habit=True)  # coincidence: habitual order
IS_OWN_CONVERSATION = Whether("loads its own conversation", 0.985, is_habit=True)  # coincidence: else a forked one
READS_DATABASE = Whether("reads the conversation from the database", 0.4)
MESSAGE_COUNT = HowMany("messages so far", 1, 40, skew=2, widest=(0, 160))
PROMPT_LENGTH = HowMany("prompt length", 20, 8_000, skew=3, widest=(0, 32_000))
IS_CLEAN = Whether("prompt is clean", 0.975)
CHECKS_ANYWAY = Whether("checks what no model will read", 0.97, is_habit=True)
CHECKS_BEFORE_SEARCH = Whether("checks before the search", 0.97, is_habit=True)  # coincidence: habitual order
CHECKS_ONCE = Whether("checks the prompt once", 0.97, is_habit=True)  # coincidence: a count that is nearly always one
LONG_PROMPT = 2_500
COMPRESSES_FIRST = Whether("compresses before it offloads", 0.97, is_habit=True)  # coincidence: habitual order
SHORTENS_FIRST = Whether("shortens before it cites", 0.97, is_habit=True)  # coincidence: habitual order
IS_FRESH = Whether("answer is not cached", 0.95, is_habit=True)
TRUSTS_CACHE = Whether("trusts the cache", 0.97, is_habit=True)
READS_CACHE_FIRST = Whether("reads the cache first", 0.98, is_habit=True)  # coincidence: habitual order
RECHECKS_CACHED = Whether("moderates a cached answer again", 0.5)
IS_WRITTEN = Whether("a model writes the answer", 0.97, is_habit=True)  # else passages are quoted as they are
REWRITES = Whether("rewrites the question", 0.12)
CITES_CHAT = Whether("cites pinned documents", 0.12)
CITES_FIRST = Whether("cites before writing", 0.9, is_habit=True)  # coincidence: habitual order
CITES_BEFORE_MODERATION = Whether("cites before moderation", 0.9, is_habit=True)  # coincidence: habitual order
SOURCES = HowMany("sources", 1, 8, widest=(0, 32))
CHUNKS = HowMany("chunks sent", 1, 60, widest=(0, 240))
HAS_QUOTA = Whether("has quota left", 0.985)

DATABASE = Which("database", ("postgresql", "mysql"), (995, 5), odd="other")  # coincidence: a near-constant

# Retrieval.
RETRIEVER = Which("retriever", ("vector", "hybrid", "graph"), (100, 900, 3), odd="other")
SEARCH_TIMES_OUT = Whether("search takes too long", 0.015)
SEARCH_TIMEOUT_S = 0.15
IS_NEW_SEARCH = Whether("search is not cached", 0.96, is_habit=True)
IS_FOUND = Whether("something is found", 0.97)
DOCUMENTS = HowMany("documents", 1, 12, widest=(0, 48))
TOP_K = HowMany("top k", 8, 24, widest=(0, 96))
QUERY_LENGTH = HowMany("query length", 8, 300, skew=2, widest=(0, 1_200))
EMBEDS_FIRST = Whether("embeds before it searches", 0.98, is_habit=True)  # coincidence: habitual order
FUSES_VECTORS = Whether("fuses vectors", 0.97, is_habit=True)  # coincidence: nearly always in this retriever
SEARCHES_VECTORS_FIRST = Whether("searches vectors before keywords", 0.97, is_habit=True)  # coincidence: habitual order
ASKS_SECOND_SHARD = Whether("searches a second shard", 0.35)
ASKS_NO_THIRD_SHARD = Whether("searches no third shard", 0.99, is_habit=True)
SEARCHES_KEYWORDS = Whether("searches keywords too", 0.4)
VECTOR_STORE = Which("vector store", ("qdrant", "pgvector"), (995, 5), odd="other")  # coincidence: a near-constant
PASSAGES = HowMany("passages", 0, 50, widest=(0, 200))
RERANKS = Whether("reranks", 0.5)
RERANKS_INSIDE = Whether("reranks inside retrieval", 0.97, is_habit=True)  # coincidence: where it stands
RERANKS_LAST = Whether("reranks after the search", 0.98, is_habit=True)  # coincidence: habitual order
KEPT = HowMany("passages kept", 1, 12, widest=(0, 48))
SEARCH_IS_LOST = Whether("loses the search span", 0.35)  # of the few that no incident can harm

# The model.
PURPOSES = ("rewrite", "answer", "plan", "report", "summary", "second summary")
MODEL = Which("model", ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4"), (3, 5, 2))
RESELLER = Which("reseller", ("azure.ai.openai", "openai", "anthropic", "aws.bedrock"), (800, 100, 100, 3), odd="other")
MAKER_OF_MODEL = (1, 1, 2)
"""Codes of ``RESELLER`` for the models in their order."""
IS_DIRECT = Whether("asks the maker of the model", 0.985, is_habit=True)  # coincidence: model names imply providers
OPERATION = Which("operation", ("chat", "text_completion"), (995, 5), odd="other")  # coincidence: a near-constant
HAS_CAPACITY = Whether("model has capacity", 0.97, is_habit=True)
MISSES_DEADLINE = Whether("model misses the deadline", 0.025)
MAX_TOKENS, MAX_TOKENS_WEIGHTS = (256, 512, 1_024, 2_048, 4_096), (1, 2, 4, 3, 2)
IS_USUAL_MAXIMUM = Whether("asks for a usual maximum", 0.99, is_habit=True)
UNUSUAL_MAXIMUM = HowMany("unusual maximum", 1, 20_000, widest=(0, 80_000))
TOKEN_LIMIT = 2_048
OUTPUT_WISH = HowMany("output wished for", 5, 3_200, skew=2, widest=(0, 12_800))
INPUT_TOKENS = HowMany("input tokens", 12, 6_000, skew=3, widest=(0, 24_000))
TENTHS_OF_TEMPERATURE = HowMany("temperature in tenths", 0, 10, widest=(0, 40))
# coincidence: a near-constant
REGION = Which("region", ("eu-west-1", "us-east-1", "eu-central-1"), (977, 20, 3), odd="other")
COUNTS_TOKENS = Whether("counts tokens", 0.25)
COUNTS_TOKENS_FIRST = Whether("counts tokens before", 0.97, is_habit=True)  # coincidence: habitual order

# Moderation.
SUBJECTS = ("prompt", "attachment", "answer", "task", "summary")
VERDICT = Which("verdict", ("allow", "flag", "block", "review"), (857, 70, 70, 3), odd="other")
PROMPT_VERDICT = Which("prompt verdict", ("allow", "flag", "review"), (897, 100, 3), odd="other")
RESPONSE_LENGTH = HowMany("response length", 40, 9_000, skew=2, widest=(0, 36_000))
IS_UNSURE = Whether("moderation is unsure", 0.1)
CLASSIFIER_SCORE = HowMany("classifier score", 0, 1_000, widest=(0, 4_000))

# Tasks of the agent.
AGENT = Which("agent", ("operations", "data", "inbox", "sandbox"), (400, 400, 200, 3), odd="other")
WORKS_WITHOUT_SEARCH = Whether("works without a search", 0.96, is_habit=True)
SEARCHES_FIRST = Whether("searches before it acts", 0.97, is_habit=True)  # coincidence: habitual order
MAX_HELPERS = 2
WORKS_ALONE = Whether("works without another agent", 0.97, is_habit=True)  # coincidence: one run a task
PLANS_AFRESH = Whether("plans afresh", 0.94, is_habit=True)
ACTS = Whether("acts at all", 0.985, is_habit=True)
ACTS_IN_STEP = Whether("acts in this step", 0.985, is_habit=True)  # coincidence: as many steps as actions
MAX_ACTIONS = 6
N_ACTIONS = Which("actions", ("1", "2", "3", "4", "5", "6"), (5, 5, 4, 2, 1, 2))
COUNTS_FROM_ONE = Whether("counts steps from one", 0.99, is_habit=True)
STEPS_BEFORE = HowMany("steps of an earlier run", 0, 30, widest=(0, 120))  # one less is added to each number
TOOL = Which(
    "tool",
    ("search_web", "run_query", "send_email", "write_file", "delete_records", "open_browser"),
    (400, 400, 200, 300, 200, 5),
    odd="other",
)
IS_OVERWRITING = Whether("tool overwrites", 0.75)
IS_HARMLESS = Whether("other tools are harmless", 0.985, is_habit=True)  # coincidence: tool names imply harmlessness
IS_APPROVED = Whether("a person approves", 0.94, is_habit=True)
ASKS_AGAIN = Whether("asks a person again", 0.35)
NEEDS_BUDGET = Whether("needs a budget", 0.2)
HAS_STANDING_BUDGET = Whether("has a standing budget", 0.5)
APPROVER = Which("approver", ("owner", "administrator", "on_call", "auditor"), (500, 300, 200, 3), odd="other")
ACTS_AT_ONCE = Whether("does not think once more", 0.97, is_habit=True)  # coincidence: as many steps as actions
MAX_THOUGHTS = 2
REPORTS = Whether("writes a report", 0.25)
MODERATES_UNWRITTEN = Whether("moderates a result no model wrote", 0.5)

# Summaries in the background.
LOADS_DOCUMENT_FIRST = Whether("loads the document first", 0.97, is_habit=True)  # coincidence: habitual order
READS_DOCUMENT = Whether("reads the document from the database", 0.97, is_habit=True)  # coincidence: nearly always
IS_UNKNOWN = Whether("summary is not known to the gateway", 0.98, is_habit=True)
MAX_DELIVERIES = 3
REDELIVERS = Whether("message is delivered again", 0.12, is_habit=True)
IS_NEW_DOCUMENT = Whether("document has no summary", 0.97, is_habit=True)
IS_LONG_DOCUMENT = Whether("document needs a model", 0.97, is_habit=True)  # else it is its own summary
SPLITS_FIRST = Whether("splits before it writes", 0.97, is_habit=True)  # coincidence: habitual order
PAGES = HowMany("pages", 1, 80, skew=2, widest=(0, 320))
HAS_SECOND_CHAPTER = Whether("has a second chapter", 0.3)
STORES_LAST = Whether("stores the summary when it is done", 0.98, is_habit=True)  # else room is made for it first
DELIVERS_LAST = Whether("calls the webhook at the end", 0.98, is_habit=True)  # coincidence: habitual order
SUMMARY_LENGTH = HowMany("summary length", 80, 3_000, widest=(0, 12_000))

# Feedback.
IS_DOUBLE_CLICK = Whether("double click", 0.15)
IS_RECORDED = Whether("feedback is recorded", 0.98, is_habit=True)
RECORDS_FIRST = Whether("records before it screens", 0.97, is_habit=True)  # coincidence: habitual order
SCREENS_FIRST = Whether("screens before it announces", 0.97, is_habit=True)  # coincidence: habitual order
HAS_COMMENT = Whether("has a comment", 0.6)
ANNOUNCES = Whether("announces feedback", 0.97, is_habit=True)
RATING = HowMany("rating", 1, 5, widest=(0, 10))

# Symptoms: frequent where an incident harms a visit, rare elsewhere, and no cause of anything.
SYMPTOM_RATE = 0.7
ESCALATES, ESCALATES_HARMED = (Whether("escalates abuse", rate) for rate in (0.005, SYMPTOM_RATE))
APOLOGISES, APOLOGISES_HARMED = (Whether("adds a disclaimer", rate) for rate in (0.02, SYMPTOM_RATE))
WARNS_OWNER, WARNS_OWNER_HARMED = (Whether("warns the owner", rate) for rate in (0.03, SYMPTOM_RATE))
NOTICES_LATE = Whether("notices trouble at the end", 0.95, is_habit=True)  # coincidence: habitual order


@cache
def is_there(name: str) -> Whether:
    """Return the question whether a habitual span is there."""
    return Whether(f"{name} is there", HABITUAL_SPANS.get(name, 0.99), is_habit=True)


@cache
def is_single(name: str) -> Whether:
    """Return the question whether a habitual span is there only once."""
    return Whether(f"{name} is single", 0.998, is_habit=True)


def turn_of(purpose: str, attempt: int) -> int:
    """Return what tells the questions about one generation from those about another.

    Examples
    --------
    >>> turn_of("rewrite", 1), turn_of("answer", 2)
    (0, 3)
    """
    return 2 * PURPOSES.index(purpose) + attempt - 1


@overload
def count_documents(chance: Chance) -> int: ...
@overload
def count_documents(chance: Chances) -> Integers: ...
def count_documents(chance: Chance | Chances) -> int | Integers:
    """Return how many passages answer the question of one visit, or of each of many."""
    return DOCUMENTS.ask(chance) * IS_FOUND.ask(chance)


@overload
def reaches_model(chance: Chance, purpose: str) -> bool: ...
@overload
def reaches_model(chance: Chances, purpose: str) -> Mask: ...
def reaches_model(chance: Chance | Chances, purpose: str) -> bool | Mask:
    """Return whether a model has capacity for at least one of two attempts."""
    first, second = (HAS_CAPACITY.ask(chance, turn=turn_of(purpose, attempt)) for attempt in (1, 2))
    return first | second


@overload
def is_hybrid(chance: Chance) -> bool: ...
@overload
def is_hybrid(chance: Chances) -> Mask: ...
def is_hybrid(chance: Chance | Chances) -> bool | Mask:
    """Return whether the hybrid retriever searches."""
    return RETRIEVER.code(chance) == RETRIEVER.options.index("hybrid")


def verdict_on(subject: str) -> Which:
    """Return the question for moderation's verdict; what a user sends is never blocked, only what a model wrote."""
    return PROMPT_VERDICT if subject in ("prompt", "attachment") else VERDICT


@cache
def name_of(what: str, name: str) -> Which:
    """Return the question for what something is called: by its name, or seldom less clearly."""
    return Which(what, (name, "unknown"), (999, 1), odd="other")
