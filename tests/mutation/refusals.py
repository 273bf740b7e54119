"""Mutants of the kernel's checks: of the conditions that decide whether something is refused. Used by table.py.

A condition before a refusal is left out; in it, and in functions whose answer is a check, each operand of && and || is fixed, each
comparison becomes its neighbour, each constant one more and one less."""
import re

from operators import CLOSE, OPEN, STATEMENT_ENDS, functions_of, mutants as operators_of, operand, partners_of, tokens_of

# What a refusal of the kernel looks like: of a call, of an image, of a request.
REFUSAL = re.compile(r"return\s+(?:error\((?!CALL_)|result\((?!SIGNET_OK)|SIGNET_(?!OK)|false\b|NULL\b|no\(|no_at\(|0;|status\b)|"
                     r"\bgoto\s+\w+|\bfailed = true")
LABEL = re.compile(r"^\w+:$", re.MULTILINE)  # what follows undoes, for a refusal above
# These answer a check: all of their conditions are checks.
ANSWER_TYPES = re.compile(r"\b(?:bool|uint64_t|size_t|struct object \*|struct endpoint \*|struct set \*|struct kernel_process \*|"
                          r"struct kernel_image \*)\s*$")

# Not of what a process asks: the size of an allocation, and what the tests call to check the invariants.
NO_CHECKS = {"bytes_of", "handle_check", "regions_check"}


class Refusals:
    """Where a C file refuses, and the spans of its conditions that decide it."""

    def __init__(self, text):
        self.text, self.tokens = text, tokens_of(text)
        self.partners = partners_of(self.tokens)
        self.sites, self.spans, self.answer_spans, self.guarded = [], [], [], set()
        for name, first, last in functions_of(self.tokens, self.partners):
            self.look(name, first, last)

    def look(self, name, first, last):
        text, tokens = self.text, self.tokens
        body = tokens[first].start, tokens[last].end
        label = LABEL.search(text, *body)
        if name in NO_CHECKS:
            return
        own = {match.start() for match in REFUSAL.finditer(text, body[0], label.start() if label else body[1])}
        self.sites += [(name, at) for at in sorted(own)]
        parameters = self.partners[first - 1]
        answers = name not in NO_CHECKS and ANSWER_TYPES.search(text, 0, tokens[parameters - 1].start)
        if answers:
            self.guarded |= own
        for i in range(first, last):
            if answers and tokens[i].text == "return":
                end = operand(tokens, self.partners, i + 1, 1, {";"})
                if end and re.search(r"[<>=!&|?]", text[tokens[i + 1].start:tokens[end].end]):
                    self.spans.append((tokens[i + 1].start, tokens[end].end))
                    self.answer_spans.append(self.spans[-1])
            if tokens[i].text == "if" or tokens[i].text == "while":
                close = self.partners[i + 1]
                guarded = self.statement(close + 1)
            elif tokens[i].text == "?":
                # Of the expression, up to the statement's end.
                end = operand(tokens, self.partners, i + 1, 1, {";"})
                if re.search(r"error\(|SIGNET_(?!OK)", text[tokens[i].end:tokens[end].end]):
                    begin = operand(tokens, self.partners, i - 1, -1, STATEMENT_ENDS)
                    self.spans.append((tokens[begin].start, tokens[i - 1].end))
                continue
            else:
                continue
            inside = {at for at in own if guarded[0] <= at < guarded[1]}
            # After `if (good) return …;` the refusal is what follows.
            follows = re.match(r"\s*return\b[^;]*;\s*", text[guarded[0]:])
            after = follows and {at for at in own if at == guarded[0] + follows.end()}
            if inside or after or answers:
                self.spans.append((tokens[i + 2].start, tokens[close - 1].end))
                self.guarded |= inside | (after or set())

    def statement(self, i):
        """The span of the statement that begins with a token."""
        tokens = self.tokens
        if tokens[i].text == "{":
            return tokens[i].start, tokens[self.partners[i]].end
        if tokens[i].text in ("if", "for", "while"):
            return tokens[i].start, self.statement(self.partners[i + 1] + 1)[1]
        j = i
        while tokens[j].text != ";":
            j = self.partners[j] if tokens[j].text in OPEN and j in self.partners else j
            j += 1
        return tokens[i].start, tokens[j].end

    def answers(self, start):
        return any(low <= start < high for low, high in self.answer_spans)

    def is_of_and(self, start, end):
        return self.text[:start].rstrip().endswith("&&") or self.text[end:].lstrip().startswith("&&")

    def holds(self, start, end):
        return any(low <= start and end <= high for low, high in self.spans)

    def unguarded(self):
        """(function, line) of those that no condition in this file decides."""
        return [(name, self.text.count("\n", 0, at) + 1) for name, at in self.sites if at not in self.guarded]


def mutants(path, text):
    """Yields (name, rule, mutated text)."""
    found = Refusals(text)

    def wanted(text, start, end, new):
        old = text[start:end]
        if not found.holds(start, end) or old in ("==", "!=", "!"):
            return False  # what these decide is an operand, and fixed as such
        if new.startswith("(-"):
            return False
        if found.answers(start):
            return True
        # To refuse more is noticed by whatever uses it, but for a refusal that depends on something.
        if new in ("(1)", "(0)"):
            return new == ("(1)" if found.is_of_and(start, end) else "(0)")
        return True
    return operators_of(path, text, wanted)
