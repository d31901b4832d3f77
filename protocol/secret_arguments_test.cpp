// SPDX-License-Identifier: Apache-2.0
#include "protocol/secret_arguments.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "protocol/command_table.h"
#include "protocol/shared_record.h"

namespace slotway::protocol {
namespace {

std::string Shown(const std::vector<std::string_view>& args) {
  const CommandSpec* spec = FindCommand(args);
  if (spec == nullptr) return "unknown";
  std::string text;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0) text += ' ';
    text += IsSecretArgument(*spec, args, i) ? std::string_view("*") : args[i];
  }
  return text;
}

TEST(SecretArguments, PasswordsAndWhatSetsThem) {
  EXPECT_EQ(Shown({"AUTH", "p"}), "AUTH *");
  EXPECT_EQ(Shown({"auth", "u", "p"}), "auth * *");
  EXPECT_EQ(Shown({"hello", "3", "AUTH", "u", "p", "setname", "n"}), "hello 3 AUTH * * setname n");
  EXPECT_EQ(Shown({"migrate", "h", "1", "k", "0", "9", "AUTH", "p"}), "migrate h 1 k 0 9 AUTH *");
  EXPECT_EQ(Shown({"migrate", "h", "1", "", "0", "9", "auth2", "u", "p", "KEYS", "k"}),
            "migrate h 1  0 9 auth2 * * KEYS k");
  EXPECT_EQ(Shown({"config", "set", "hz", "5", "RequirePass", "p"}),
            "config set hz 5 RequirePass *");
  EXPECT_EQ(Shown({"config", "set", "hz", "requirepass"}), "config set hz requirepass");
  EXPECT_EQ(Shown({"acl", "setuser", "u", "on"}), "acl setuser * *");
  EXPECT_EQ(Shown({"set", "auth", "p"}), "set auth p");
  EXPECT_EQ(Shown({"function", "load", "REPLACE", RecordLibrary(1, "user a on >p")}),
            "function load REPLACE *");
  EXPECT_EQ(Shown({"function", "load", "#!lua name=mine\n"}), "function load #!lua name=mine\n");
}

}  // namespace
}  // namespace slotway::protocol
