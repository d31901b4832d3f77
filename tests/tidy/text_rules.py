# SPDX-License-Identifier: Apache-2.0
"""What must not stand in code outside the one place that owns it."""

import os
import re

from source_file import Finding

NOTES = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|\b[Ff]or now\b(?!-)")
SHARED_PTR = re.compile(r"\bshared_ptr\b|\benable_shared_from_this\b")

CLOCK = re.compile(
    r"\b\w+_clock\s*::\s*now\b"
    r"|(?<![\w.>])(?:std::|::)?time\s*\(\s*(?:nullptr|NULL|0|&\s*\w+)\s*\)"
    r"|\b(?:gettimeofday|clock_gettime|uv_hrtime|uv_gettimeofday|uv_clock_gettime)\s*\("
    r"|\b__?rdtscp?\b")
RANDOM = re.compile(
    r"(?<![\w.>])(?:std::|::)?s?rand\s*\("
    r"|\b(?:random_device|mt19937(?:_64)?|default_random_engine|minstd_rand0?)\b"
    r"|\b(?:getrandom|getentropy|arc4random\w*|drand48|random_r|RAND_bytes|uv_random)\s*\(")
CLOCK_HOMES = ("runtime/clock", "runtime/random")

# A frame of RESP or the start of one, and the end of a line by itself. Text with lines of its own
# ("role:master\r\n") is no RESP.
WIRE = re.compile(
    r'"(?:[-+$*:%~>(!=,][^"\\\n]*|_|#[tf])?\\r\\n(?:\\.|[^"\\\n])*"'
    r'|"(?:\+OK|\+PONG|\+QUEUED|\$-?\d|\*-?\d|-ERR\b|-MOVED\b|-ASK\b)')
WIRE_HOMES = ("protocol/", "runtime/")  # HTTP lines end alike

SLOT_MATH = re.compile(
    r"[%&]=?\s*(?:16384|16383|0x3fff|0x4000)\b|\b0x3fff\b|\bcrc_?16\w*\s*\(", re.IGNORECASE)
SLOT_HOMES = ("protocol/",)

COMPARISON = re.compile(
    r'(?P<left>[\w.\->\[\]():]+)\s*==\s*"(?P<a>[\w|-]+)"'
    r'|"(?P<b>[\w|-]+)"\s*==\s*(?P<right>[\w.\->\[\]():]+)'
    r'|\b(?:\w*(?:IgnoreCase|IgnoringCase|strcasecmp|CaseInsensitive|IEquals)\w*)'
    r'\(\s*(?P<call>[^,"]+),\s*"(?P<c>[\w|-]+)"')
COMMAND_VARIABLE = re.compile(
    r"\b(?:command|cmd|sub_?command|command_name|verb)(?:_name)?_?\b|\b(?:args|argv)_?\[0\]"
    r"|\bspec(?:\(\))?(?:\.|->)name\b", re.IGNORECASE)
CHAIN_LENGTH = 4
CHAIN_LINES = 30
ROW_NAME = re.compile(r'\.name\s*=\s*"([\w-]+)"')
# A few of every family, for trees without the table's rows.
COMMAND_NAMES = set("""
append auth bitcount blpop client cluster command config decr del discard echo eval exec exists
expire flushall get getdel getex hello hget hgetall hset incr info keys lpop lpush lrange mget
mset multi object ping publish quit rename replicaof role rpush sadd scan select set setex
smembers subscribe ttl type unlink unsubscribe watch xadd zadd zrange zscore
""".split())

# Without memory there is nothing to go on with: bad_alloc may be thrown.
EXCEPTION = re.compile(r"\b(?:throw|try|catch)\b(?=\s*[\w({;])(?!\s+std::bad_alloc\b)")
EXCEPTION_HOMES = ("config/", "runtime/log")  # yaml-cpp and spdlog throw; they end here

SYSTEM_FOLDERS = set("bin boot dev etc home lib lib64 media mnt opt proc root run sbin srv sys "
                     "tmp usr var".split())
PERSONAL_PATH = re.compile(r"(?<![\w.~-])(?:/home/(?!runner\b)\w+|/Users/\w+|/root/\w+)")


def check(sources, root):
    names = command_names(sources)
    machine = machine_pattern(root)
    findings = []
    for source in sources:
        if source.path.startswith("tests/tidy/"):
            continue  # names what it looks for
        findings += matches("note", source, source.text, NOTES, "finish it or leave it out")
        findings += matches("machine", source, source.text, machine, "ties to one machine")
        if source.is_cpp:
            findings += check_cpp(source, names)
    return findings


def check_cpp(source, names):
    findings = [
        finding for finding in matches("shared-ptr", source, source.bare, SHARED_PTR,
                                       "say why in a comment `// shared: reason`")
        if not source.has_reason(finding.line, "shared")
    ]
    if source.is_test:
        return findings
    if not source.path.startswith(CLOCK_HOMES):
        findings += matches("hidden-clock", source, source.bare, CLOCK, "take a clock instead")
        findings += matches("hidden-random", source, source.bare, RANDOM,
                            "take a source of randomness instead")
    if not source.path.startswith(WIRE_HOMES):
        findings += [
            finding for finding in matches("wire-literal", source, source.code, WIRE,
                                           "protocol/ writes RESP; else say `// wire: reason`")
            if not source.has_reason(finding.line, "wire")
        ]
    if not source.path.startswith(SLOT_HOMES):
        findings += matches("slot-arithmetic", source, source.bare, SLOT_MATH,
                            "protocol/slot.h knows slots")
    if not source.path.startswith(EXCEPTION_HOMES):
        findings += matches("exception", source, source.bare, EXCEPTION,
                            "errors are values (tl::expected)")
    if source.path.startswith(("proxy/", "storage/")):
        findings += check_dispatch(source, names)
    return findings


def matches(rule, source, text, pattern, message):
    """One finding per line and match."""
    return [Finding(rule, source.path, source.line_of(match.start()),
                    f"'{match.group(0).strip()}': {message}")
            for match in pattern.finditer(text)]


def check_dispatch(source, names):
    """Commands are told apart by their row in the table, never by comparing names."""
    findings, chain = [], []
    for match in COMPARISON.finditer(source.code):
        literal = (match.group("a") or match.group("b") or match.group("c")).lower()
        variable = match.group("left") or match.group("right") or match.group("call")
        line = source.line_of(match.start())
        if literal not in names:
            continue
        if COMMAND_VARIABLE.search(variable):
            findings.append(dispatch_finding(source, line, literal))
            continue
        chain = [link for link in chain if line - link[0] <= CHAIN_LINES] + [(line, literal)]
        if len({name for _, name in chain}) >= CHAIN_LENGTH:
            findings.append(dispatch_finding(source, line, literal))
    return findings


def dispatch_finding(source, line, literal):
    return Finding("stringly-dispatch", source.path, line,
                   f'compares a name with "{literal}": use the command table')


def command_names(sources):
    rows = [source for source in sources if source.path.startswith("protocol/command_rows/")]
    found = {name for source in rows for name in ROW_NAME.findall(source.text)}
    return COMMAND_NAMES | found


def machine_pattern(root):
    """Home directories, and the place of this very checkout if it is not a system folder."""
    patterns = [PERSONAL_PATH.pattern]
    top = os.path.realpath(root).split("/")[1]
    if top and top not in SYSTEM_FOLDERS:
        patterns.append(r"(?<![\w./-])/" + re.escape(top) + r"(?=/)")
    return re.compile("|".join(patterns))
