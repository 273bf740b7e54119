"""Mutants of a C file, made without understanding it: from its tokens. Used by table.py.

Every condition and every operand of && and || is fixed to true and to false, every relational operator becomes its neighbour,
every arithmetic operator its opposite, every constant one more and one less, what is returned 0 and 1, and every simple statement
is left out."""
import re

TOKEN = re.compile(r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/|\\\n)
  | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<operator><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^!~<>=?:;,.(){}\[\]])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
NEIGHBOUR = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OPPOSITE = {"+": "-", "-": "+", "&": "|", "|": "&", "<<": ">>", ">>": "<<", "+=": "-=", "|=": "=", "%": "/", "&=": "=", "^": "|"}
OPEN, CLOSE = "([{", ")]}"
# A statement that begins with one of these, or a declaration, is not simply left out.
KEPT = {"if", "else", "for", "while", "do", "switch", "case", "default", "static", "const", "struct", "enum", "unsigned", "int",
        "bool", "char", "void", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "int32_t", "int64_t", "size_t", "return", "break",
        "typedef", "ssize_t", "FILE", "va_list"}


class Token:
    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end = kind, text, start, start + len(text)


def tokens_of(text):
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise ValueError("not C at %r" % text[at:at + 20])
        if match.lastgroup not in ("space", "directive"):
            tokens.append(Token(match.lastgroup, match.group(), at))
        at = match.end()
    return tokens


def partners_of(tokens):
    """Index of each bracket's other one."""
    partners, stack = {}, []
    for i, token in enumerate(tokens):
        if token.text in OPEN and token.kind == "operator":
            stack.append(i)
        elif token.text in CLOSE and token.kind == "operator":
            j = stack.pop()
            partners[i], partners[j] = j, i
    return partners


def functions_of(tokens, partners):
    """[(name, first, last)] of the function bodies, by token."""
    found, i = [], 0
    while i < len(tokens):
        if tokens[i].text == "(" and i and tokens[i - 1].kind == "name":
            close = partners[i]
            if close + 1 < len(tokens) and tokens[close + 1].text == "{":
                found.append((tokens[i - 1].text, close + 1, partners[close + 1]))
                i = partners[close + 1]
        elif tokens[i].text == "{":
            i = partners[i]
        i += 1
    return found


def operand(tokens, partners, i, step, stops):
    """The last token, from i in a direction, before one of `stops` or a bracket that encloses it."""
    last = None
    while 0 <= i < len(tokens):
        text = tokens[i].text
        closing = text in (CLOSE if step > 0 else OPEN) and tokens[i].kind == "operator"
        if closing or text in stops or (text == "return" and step < 0):
            return last
        if tokens[i].kind == "operator" and text in OPEN + CLOSE:
            i = partners[i]
        last = i
        i += step
    return last


def begins_statement(tokens, partners, i):
    """Not inside brackets of a `for`, and not a part of an expression."""
    before, depth = tokens[i - 1], 0
    if before.text == ")":
        return tokens[partners[i - 1] - 1].text in ("if", "while", "for", "switch")
    if before.text == ":":
        j = i - 2
        while tokens[j].text not in (";", "{", "}", "case", "default", "?"):
            j -= 1
        return tokens[j].text in ("case", "default")
    if before.text == "{":
        return tokens[i - 2].text != "="
    if before.text not in (";", "}"):
        return False
    for j in range(i - 1, -1, -1):
        text = tokens[j].text
        depth += text in (")", "]") and tokens[j].kind == "operator"
        depth -= text in ("(", "[") and tokens[j].kind == "operator"
        if depth < 0:
            return False
        if text in "{}":
            return True
    return True


STATEMENT_ENDS = {";", ",", "?", ":", "=", "|=", "&=", "+=", "-=", "^="}


def changes_of(text):
    """Yields (function, start, end, replacement): one change of the text each."""
    tokens = tokens_of(text)
    partners = partners_of(tokens)
    for function, first, last in functions_of(tokens, partners):
        spans = set()

        def fix(a, b, values=("1", "0")):
            if a is None or b is None or (a, b) in spans:
                return
            spans.add((a, b))
            if a == b and tokens[a].text in ("true", "false"):
                return
            for value in values:
                yield function, tokens[a].start, tokens[b].end, "(%s)" % value

        i = first + 1
        while i < last:
            token, before, after = tokens[i], tokens[i - 1], tokens[i + 1]
            unary = before.kind == "operator" and before.text not in (")", "]") or before.text in ("return", "case")
            if token.text in ("if", "while") and after.text == "(":
                close = partners[i + 1]
                yield from fix(i + 2, close - 1, ("1", "0") if token.text == "if" else ("0",))
            elif token.text == "for" and after.text == "(":
                ends = [j for j in range(i + 2, partners[i + 1]) if tokens[j].text == ";"]
                if len(ends) == 2 and ends[1] > ends[0] + 1:
                    yield from fix(ends[0] + 1, ends[1] - 1, ("0",))
            elif token.text in ("&&", "||"):
                stops = STATEMENT_ENDS | {"||"} | ({"&&"} if token.text == "&&" else set())
                yield from fix(operand(tokens, partners, i - 1, -1, stops), i - 1)
                yield from fix(i + 1, operand(tokens, partners, i + 1, 1, stops))
            elif token.text == "?":
                yield from fix(operand(tokens, partners, i - 1, -1, STATEMENT_ENDS), i - 1)
            elif token.text in NEIGHBOUR:
                yield function, token.start, token.end, NEIGHBOUR[token.text]
            elif token.text in OPPOSITE and not unary:
                yield function, token.start, token.end, OPPOSITE[token.text]
            elif token.text == "!":
                yield function, token.start, token.end, ""
            elif token.kind == "number":
                value, suffix = re.match(r"(\w+?)([uUlL]*)$", token.text).groups()
                for change in (1, -1):
                    number = int(value, 0) + change
                    written = ("0x%x" if value[:2].lower() == "0x" else "%d") % number if number >= 0 else "(%d)" % number
                    yield function, token.start, token.end, written + suffix
            elif token.text == "return" and after.text not in (";", "{"):
                end = operand(tokens, partners, i + 1, 1, {";"})
                if text[after.start:tokens[end].end] not in ("RULE_NONE", "0", "none", "false", "true"):
                    for value in ("0", "1"):
                        if end > i + 1 or tokens[end].kind == "name" and not tokens[end].text.startswith("VERIFIER_RULE"):
                            yield function, after.start, tokens[end].end, value
                        elif value == "0":
                            yield function, after.start, tokens[end].end, "RULE_NONE"
            if begins_statement(tokens, partners, i) and token.text not in KEPT and token.kind != "number":
                end = operand(tokens, partners, i, 1, {";", "{"})
                declaration = token.kind == "name" and (after.kind == "name" or after.text in ("*", ":"))
                if end is not None and end > i and tokens[end + 1].text == ";" and not declaration:
                    yield function, token.start, tokens[end].end, ""
            i += 1


def shown(text):
    return re.sub(r"\s+", " ", text)


def mutants(path, text, wanted=lambda text, start, end, new: True):
    """Yields (name, rule, mutated text). The names stay as they are when lines move."""
    seen = {}
    file = path.rsplit("/", 1)[-1]
    for function, start, end, new in changes_of(text):
        if not wanted(text, start, end, new):
            continue
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", max(end, start + 1))
        context = "%s[%s -> %s]%s" % (text[line_start:start].strip()[-28:], text[start:end], new, text[end:line_end].strip()[:28])
        name = shown("%s %s: %s" % (file, function, context))
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name += " (%d)" % seen[name]
        yield name, "what %s decides" % function, text[:start] + new + text[end:]


def checks(path, text):
    """Only the conditions before a call of `fail`, and their operands: without each, something is let pass."""
    def guards_failure(text, start, end, new):
        return new == "(0)" and re.match(r"[^;{}]*\)\s*\{?\s*fail\(", text[end:])
    return mutants(path, text, guards_failure)
