# SPDX-License-Identifier: Apache-2.0
"""Random rules for ACL SETUSER: mostly ones that are taken."""
import hashlib

CATEGORIES = ("keyspace read write set sortedset list hash string bitmap hyperloglog geo stream "
              "pubsub admin fast slow blocking dangerous connection transaction scripting").split()
PATTERNS = ["k*", "a", "b", "a*", "*1", "k?", "[ab]*", "k[12]", "", "*", "x\\*", "user:*"]
PASSWORDS = ["p", "q", "secret", ""]
WORDS = ["on", "off", "nopass", "resetpass", "allkeys", "resetkeys", "allchannels", "resetchannels",
         "allcommands", "nocommands", "skip-sanitize-payload", "sanitize-payload", "clearselectors",
         "reset", "ALLKEYS", "On", ""]
WRONG = ["nosuch", "+nosuch", "-nosuch", "+@nosuch", "-@nosuch", "%X~a", "%RR~a", "~a b", "&a b",
         "+config|get|x", "+config|nosuch", "-select|0", "+select|", "+config|", "+get|a|b", "+",
         "-", "+@", "-@", "#abc", "!abc", "<nosuch", "(+nosuch)", "(on)", "(~a b)", ")", "+get ",
         "|", "+|get", "+get|", "-config|", "%", "%R", "%W", "&"]


class Rules:
    def __init__(self, rng, commands):
        self.rng, self.commands = rng, commands

    def some(self):
        rules = [self.one() for _ in range(self.rng.randint(1, 8))]
        # Most users begin anew, or they would come to be able to do everything; many of them with
        # much, or nothing would be allowed.
        if self.rng.random() < 0.4:
            return rules
        much = self.rng.sample(["+@all", "+@read", "+@write", "allkeys", "~a*", "allchannels"], 2)
        return ["reset"] + (much if self.rng.random() < 0.6 else []) + rules

    def one(self):
        roll = self.rng.random()
        if roll < 0.04:
            return self.rng.choice(WRONG)
        if roll < 0.12:
            return self.rng.choice(WORDS)
        if roll < 0.18:
            return self.password()
        if roll < 0.26:
            return self.selector()
        return self.of_selector()

    def password(self):
        password = self.rng.choice(PASSWORDS)
        sign = self.rng.choice(">>><#!")
        if sign in "#!":
            return sign + hashlib.sha256(password.encode()).hexdigest()
        return sign + password

    def selector(self):
        inner = " ".join(self.of_selector() for _ in range(self.rng.randint(0, 4)))
        return self.rng.choice(["(%s)", "( %s )", "(%s )"]) % inner

    def of_selector(self):
        roll, sign = self.rng.random(), self.rng.choice("+-")
        if roll < 0.25:
            return self.rng.choice(["~", "%R~", "%W~", "%RW~", "%w~"]) + self.rng.choice(PATTERNS)
        if roll < 0.38:
            return "&" + self.rng.choice(PATTERNS)
        if roll < 0.42:
            return f"{sign}@all"
        if roll < 0.65:
            return f"{sign}@{self.rng.choice(CATEGORIES)}"
        if roll < 0.70:
            return self.rng.choice(["+select|", "+debug|", "+get|", "+set|"]) + self.rng.choice("01aA")
        name = self.rng.choice(self.commands)
        return sign + (name.upper() if self.rng.random() < 0.1 else name)
