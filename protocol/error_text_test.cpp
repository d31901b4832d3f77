// SPDX-License-Identifier: Apache-2.0
#include "protocol/error_text.h"

#include <gtest/gtest.h>
#include <vector>

namespace slotway::protocol::error_text {
namespace {

using std::string_literals::operator""s;

std::string Unknown(const std::vector<std::string>& args) {
  std::vector<std::string_view> views(args.begin(), args.end());
  return UnknownCommand(views);
}

TEST(ErrorText, UnknownCommandShowsTheFirstArguments) {
  const std::string a200(200, 'a');
  const std::string a128(128, 'a');
  EXPECT_EQ(Unknown({"foo"}), "ERR unknown command 'foo', with args beginning with: ");
  EXPECT_EQ(Unknown({"FoO", "a", "b c"}),
            "ERR unknown command 'FoO', with args beginning with: 'a' 'b c' ");
  EXPECT_EQ(Unknown({a200}), "ERR unknown command '" + a128 + "', with args beginning with: ");
  EXPECT_EQ(Unknown({"f", a200, "b"}),
            "ERR unknown command 'f', with args beginning with: '" + a128 + "' ");
  EXPECT_EQ(Unknown({"f", std::string(120, 'x'), "bbbbbbbbbb", "c"}),
            "ERR unknown command 'f', with args beginning with: '" + std::string(120, 'x') +
                "' 'bbbbb' ");
  EXPECT_EQ(Unknown({"f\r\ng", "a\nb"}),
            "ERR unknown command 'f  g', with args beginning with: 'a b' ");
  EXPECT_EQ(Unknown({"f\0g"s, "a\0b"s, "c"}),
            "ERR unknown command 'f', with args beginning with: 'a' 'c' ");
}

TEST(ErrorText, UnknownSubcommandNamesTheContainer) {
  EXPECT_EQ(UnknownSubcommand("config", "foo"), "ERR unknown subcommand 'foo'. Try CONFIG HELP.");
  EXPECT_EQ(UnknownSubcommand("Acl", std::string(130, 'b')),
            "ERR unknown subcommand '" + std::string(128, 'b') + "'. Try ACL HELP.");
}

TEST(ErrorText, WrongArityNamesTheCommand) {
  EXPECT_EQ(WrongArity("config|get"), "ERR wrong number of arguments for 'config|get' command");
}

}  // namespace
}  // namespace slotway::protocol::error_text
