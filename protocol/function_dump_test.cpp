// SPDX-License-Identifier: Apache-2.0
#include "protocol/function_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

TEST(FunctionDump, WhatIsWrittenIsRead) {
  const std::vector<std::string> codes = {"#!lua name=a\nx", std::string(70000, 'y'), ""};
  EXPECT_EQ(ReadFunctionDump(WriteFunctionDump(codes)), codes);
  EXPECT_EQ(ReadFunctionDump(WriteFunctionDump({})), std::vector<std::string>());
}

TEST(FunctionDump, ReadsWhatRedisHasCompressed) {
  // FUNCTION DUMP of redis-server 7.0.15.
  const std::string payload =
      "\xf5\xc3@I@\x8d\x12#!lua name=lib\n-- a\xe0;"s + "\x00\x1d\nredis.register_function(\"f\", \xe0"s +
      "\x00\r\x0e) return 1 end)\n\x00\xda$~zo\xde\xf8 "s;
  const auto codes = ReadFunctionDump(payload);
  ASSERT_TRUE(codes);
  EXPECT_THAT(*codes, ElementsAre("#!lua name=lib\n-- " + std::string(69, 'a') +
                                  "\nredis.register_function(\"f\", function() return 1 end)"));
}

TEST(FunctionDump, NothingDamagedIsRead) {
  const std::vector<std::string> codes = {"#!lua name=a\nredis.register_function('f', f)"};
  const std::string payload = WriteFunctionDump(codes);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string damaged = payload;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    EXPECT_FALSE(ReadFunctionDump(damaged)) << i;
    EXPECT_FALSE(ReadFunctionDump(payload.substr(0, i))) << i;
  }
}

TEST(FunctionDump, TheNameIsReadAsRedisReadsIt) {
  EXPECT_EQ(NameOfLibrary("#!lua name=lib\ncode"), "lib");
  EXPECT_EQ(NameOfLibrary("#!lua   NAME=lib"), "lib");
  EXPECT_EQ(NameOfLibrary("#!lua other=1 name=lib"), "lib");
  EXPECT_EQ(NameOfLibrary("#!lua \"name=\\x6cib\"\n"), "lib");
  EXPECT_EQ(NameOfLibrary("#!lua 'name=lib'\n"), "lib");
  EXPECT_EQ(NameOfLibrary("#!lua" + std::string(200000, ' ') + "name=lib\n"), "lib");
  EXPECT_EQ(NameOfLibrary("#!lua\nname=lib"), "");
  EXPECT_EQ(NameOfLibrary("name=lib"), "");
}

}  // namespace
}  // namespace slotway::protocol
