// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_command_rules.h"

#include <gtest/gtest.h>
#include <random>

#include "protocol/acl_selector.h"

namespace slotway::protocol {
namespace {

AclSelector Applied(const std::vector<std::string>& rules) {
  AclSelector selector(false);
  for (const std::string& rule : rules) {
    EXPECT_EQ(selector.Apply(rule), AclRuleError::kNone) << rule;
  }
  return selector;
}

std::string RulesAfter(const std::vector<std::string>& rules) {
  return Applied(rules).CommandRules();
}

std::vector<std::string> WordsOf(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

TEST(AclCommandRules, AreCanonical) {
  EXPECT_EQ(RulesAfter({}), "-@all");
  EXPECT_EQ(RulesAfter({"+get", "+@all"}), "+@all");
  EXPECT_EQ(RulesAfter({"+@all", "-set", "+get"}), "+@all -set");
  EXPECT_EQ(RulesAfter({"+@all", "-get", "+get"}), "+@all");
  EXPECT_EQ(RulesAfter({"+@all", "-client|kill"}), "+@all -client|kill");
  EXPECT_EQ(RulesAfter({"+config", "-config|set"}), "-@all +config -config|set");
  EXPECT_EQ(RulesAfter({"+@all", "-client", "+client|id", "+client|setname"}),
            "+@all -client +client|id +client|setname");
  EXPECT_EQ(RulesAfter({"+select|0", "+SELECT|1", "+select|0"}), "-@all +select|0 +select|1");
  EXPECT_EQ(RulesAfter({"+select|0", "+select"}), "-@all +select");
  EXPECT_EQ(RulesAfter({"+select|0", "-select"}), "-@all");
  EXPECT_EQ(RulesAfter({"+@all", "-debug", "+debug|digest"}), "+@all -debug +debug|digest");
}

TEST(AclCommandRules, ACategoryIsFound) {
  for (AclCategory category : AllAclCategories()) {
    const std::string name(AclCategoryName(category));
    EXPECT_EQ(RulesAfter({"+@" + name}), "-@all +@" + name);
    EXPECT_EQ(RulesAfter({"+@all", "-@" + name}), "+@all -@" + name);
  }
}

// A seed of its own for each set.
TEST(AclCommandRules, GiveTheSameSetAgain) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> rules;
    for (unsigned i = random() % 12; i > 0; --i) {
      const std::string sign = random() % 2 == 0 ? "+" : "-";
      const auto category = AllAclCategories()[random() % AllAclCategories().size()];
      const auto& command = CommandById(static_cast<CommandId>(random() % CommandCount()));
      const unsigned kind = random() % 8;
      rules.push_back(sign + (kind == 0  ? "@all"
                              : kind < 4 ? "@" + std::string(AclCategoryName(category))
                                         : std::string(command.name)));
    }
    const AclSelector selector = Applied(rules);
    const std::string text = selector.CommandRules();
    const AclSelector again = Applied(WordsOf(text));
    EXPECT_TRUE(again.Commands().HasSameCommands(selector.Commands())) << seed << ": " << text;
    EXPECT_EQ(again.Commands().AllowsUnknown(), selector.Commands().AllowsUnknown()) << seed;
  }
}

}  // namespace
}  // namespace slotway::protocol
