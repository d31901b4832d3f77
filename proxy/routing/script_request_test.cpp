// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/script_request.h"

#include <gtest/gtest.h>

#include <vector>

namespace slotway::proxy {
namespace {

bool IsSound(std::vector<std::string_view> args) { return HasSoundKeyCount(args); }

TEST(ScriptRequest, TheNumberOfKeysHasToFit) {
  EXPECT_TRUE(IsSound({"EVAL", "return 1", "0"}));
  EXPECT_TRUE(IsSound({"EVAL", "return 1", "1", "k", "a"}));
  EXPECT_FALSE(IsSound({"EVAL", "return 1"}));
  EXPECT_FALSE(IsSound({"EVAL", "return 1", "1"}));
  EXPECT_FALSE(IsSound({"EVAL", "return 1", "x", "k"}));
  EXPECT_FALSE(IsSound({"EVAL", "return 1", "-1", "k"}));
  EXPECT_FALSE(IsSound({"EVAL", "return 1", "9999", "k"}));
}

TEST(ScriptRequest, WhatAScriptSaysItselfIsNoRefusal) {
  EXPECT_TRUE(IsScriptRefusal("-ERR Error compiling script (new function): user_script:1\r\n"));
  EXPECT_TRUE(IsScriptRefusal("-ERR Unexpected engine in script shebang: nolua\r\n"));
  EXPECT_FALSE(IsScriptRefusal("-ERR user_script:1: thrown script: 1234\r\n"));
  EXPECT_FALSE(IsScriptRefusal("-WRONGTYPE Operation against a key\r\n"));
}

TEST(ScriptRequest, AShebangDeclaresThatNothingIsWritten) {
  EXPECT_TRUE(DeclaresNoWrites("#!lua flags=no-writes\nreturn 1"));
  EXPECT_TRUE(DeclaresNoWrites("#!lua name=x flags=allow-stale,no-writes\nreturn 1"));
  EXPECT_FALSE(DeclaresNoWrites("#!lua\nreturn ' flags=no-writes'"));
  EXPECT_FALSE(DeclaresNoWrites("#!lua flags=no-writes-at-all,\nreturn 1"));
  EXPECT_FALSE(DeclaresNoWrites("return ' flags=no-writes'"));
  EXPECT_FALSE(DeclaresNoWrites(""));
}

}  // namespace
}  // namespace slotway::proxy
