// SPDX-License-Identifier: Apache-2.0
#include "protocol/monitor_line.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"

namespace slotway::protocol {
namespace {

TEST(MonitorLineTest, PasswordsAreNotShown) {
  struct Case {
    std::vector<std::string_view> args;
    std::string_view shown;
  } cases[] = {
      {{"AUTH", "p"}, R"_("AUTH" "(redacted)")_"},
      {{"auth", "u", "p"}, R"_("auth" "(redacted)" "(redacted)")_"},
      {{"HELLO", "3", "auth", "u", "p", "SETNAME", "n"},
       R"_("HELLO" "3" "auth" "(redacted)" "(redacted)" "SETNAME" "n")_"},
      {{"HELLO", "3", "SETNAME", "auth"}, R"_("HELLO" "3" "SETNAME" "auth")_"},
      {{"MIGRATE", "h", "1", "k", "0", "9", "AUTH", "p"},
       R"_("MIGRATE" "h" "1" "k" "0" "9" "AUTH" "(redacted)")_"},
      {{"MIGRATE", "h", "1", "k", "0", "9", "AUTH2", "u", "p", "KEYS", "k"},
       R"_("MIGRATE" "h" "1" "k" "0" "9" "AUTH2" "(redacted)" "(redacted)" "KEYS" "k")_"},
      {{"GET", "auth", "x"}, R"_("GET" "auth" "x")_"},
  };
  for (const Case& c : cases) {
    const auto* spec = FindCommand(c.args);
    std::string line;
    AppendMonitorLine(*spec, c.args, 1700000000000042, 3, "127.0.0.1:1234", line);
    EXPECT_EQ(line, "+1700000000.000042 [3 127.0.0.1:1234] " + std::string(c.shown) + "\r\n");
  }
}

}  // namespace
}  // namespace slotway::protocol
