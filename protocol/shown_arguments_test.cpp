// SPDX-License-Identifier: Apache-2.0
#include "protocol/shown_arguments.h"

#include <gtest/gtest.h>

#include "protocol/command_table.h"

namespace slotway::protocol {
namespace {

std::vector<std::string> ShownOf(const std::vector<std::string>& request) {
  const std::vector<std::string_view> args(request.begin(), request.end());
  return ShownArguments(*FindCommand(args), args);
}

TEST(ShownArguments, AreShortAndFewAndWithoutSecrets) {
  EXPECT_EQ(ShownOf({"get", "k"}), (std::vector<std::string>{"get", "k"}));
  const std::string bytes(kShownArgBytesMax, 'A');
  EXPECT_EQ(ShownOf({"get", bytes})[1], bytes);
  EXPECT_EQ(ShownOf({"get", bytes + "AB"})[1], bytes + "... (2 more bytes)");
  std::vector<std::string> many(kShownArgsMax, "del");
  EXPECT_EQ(ShownOf(many), many);
  many.emplace_back("last");
  const std::vector<std::string> kept = ShownOf(many);
  ASSERT_EQ(kept.size(), kShownArgsMax);
  EXPECT_EQ(kept.back(), "... (2 more arguments)");
  EXPECT_EQ(ShownOf({"auth", "p"})[1], "(redacted)");
}

}  // namespace
}  // namespace slotway::protocol
