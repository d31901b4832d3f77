// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "storage/scripting/script_runner.h"

namespace slotway::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// JSON has characters where scripts have bytes; all are below 256.
std::string BytesOf(const std::string& utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    const bool is_pair = c >= 0xc0;
    bytes.push_back(is_pair ? static_cast<char>((c & 3) << 6 | (utf8[i + 1] & 0x3f)) : utf8[i]);
    if (is_pair) ++i;
  }
  return bytes;
}

// The replies are those of redis-server 7.0.15.
TEST(EvalCommandsTest, AnswersAsRedisDoes) {
  std::ifstream file(SLOTWAY_TEST_DATA "/script-replies.json");
  const auto rows = nlohmann::json::parse(file);
  ASSERT_GT(rows.size(), 100u);
  for (const auto& row : rows) {
    ScriptRunner runner;
    if (row["resp"] == 3) runner.SpeakResp3();
    runner.Run({"rpush", "l", "a"});
    runner.Run({"hset", "h", "f", "v"});
    runner.Run({"zadd", "z", "1.5", "a"});
    runner.Run({"sadd", "s", "m"});
    const std::string script = BytesOf(row["script"]);
    EXPECT_EQ(runner.Run({"eval", script, "1", "h"}), BytesOf(row["reply"])) << script;
  }
}

TEST(EvalCommandsTest, KeysAndArguments) {
  ScriptRunner runner;
  EXPECT_EQ(
      runner.Run({"eval", "return {KEYS[1],ARGV[1],ARGV[2],#KEYS,#ARGV}", "1", "k", "a", "b"}),
      "*5\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n:2\r\n");
  EXPECT_EQ(runner.Run({"eval", "return 1", "2", "k"}),
            "-ERR Number of keys can't be greater than number of args\r\n");
  EXPECT_EQ(runner.Run({"eval", "return 1", "-1"}), "-ERR Number of keys can't be negative\r\n");
  EXPECT_EQ(runner.Run({"eval", "return 1", "x"}),
            "-ERR value is not an integer or out of range\r\n");
}

TEST(EvalCommandsTest, ScriptsAreCachedByDigest) {
  ScriptRunner runner;
  const std::string digest = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";  // of "return 1"
  EXPECT_EQ(runner.Run({"evalsha", digest, "0"}),
            "-NOSCRIPT No matching script. Please use EVAL.\r\n");
  EXPECT_EQ(runner.Run({"script", "load", "return 1"}), "$40\r\n" + digest + "\r\n");
  EXPECT_EQ(runner.Run({"evalsha", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB", "0"}), ":1\r\n");
  EXPECT_EQ(runner.Run({"script", "exists", digest, "x"}), "*2\r\n:1\r\n:0\r\n");
  EXPECT_THAT(runner.Run({"info", "memory"}), HasSubstr("number_of_cached_scripts:1\r\n"));
  EXPECT_EQ(runner.Run({"script", "flush", "foo"}),
            "-ERR SCRIPT FLUSH only support SYNC|ASYNC option\r\n");
  EXPECT_EQ(runner.Run({"script", "flush"}), "+OK\r\n");
  EXPECT_THAT(runner.Run({"evalsha", digest, "0"}), StartsWith("-NOSCRIPT"));
}

TEST(EvalCommandsTest, FlagsOfTheFirstLine) {
  ScriptRunner runner;
  EXPECT_EQ(runner.Eval("#!lua flags=no-writes\nreturn redis.pcall('set','k','v').err"),
            "$58\r\nERR Write commands are not allowed from read-only scripts.\r\n");
  EXPECT_EQ(runner.Eval("#!lua\nreturn 1"), ":1\r\n");
  EXPECT_EQ(runner.Run({"eval_ro", "#!lua\nreturn 1", "0"}),
            "-ERR Can not execute a script with write flag using *_ro command.\r\n");
  EXPECT_EQ(runner.Eval("#!lua flags=nosuch\nreturn 1"),
            "-ERR Unexpected flag in script shebang: nosuch\r\n");
  EXPECT_EQ(runner.Eval("#!lua name=x\nreturn 1"), "-ERR Unknown lua shebang option: name=x\r\n");
  EXPECT_EQ(runner.Eval("#!python\nreturn 1"),
            "-ERR Unexpected engine in script shebang: #!python\r\n");
  EXPECT_EQ(runner.Eval("#!lua"), "-ERR Invalid script shebang\r\n");
  EXPECT_THAT(runner.Eval("#!lua\n\nerror('x')"), HasSubstr("on @user_script:3.\r\n"));
}

TEST(EvalCommandsTest, AScriptThatContainsItselfEndsWhereTheStackDoes) {
  ScriptRunner runner;
  const std::string reply = runner.Eval("local a={} local b={a} a[1]=b return a");
  EXPECT_THAT(reply, StartsWith("*1\r\n*1\r\n"));
  EXPECT_TRUE(reply.ends_with("-ERR reached lua stack limit\r\n"));
  EXPECT_EQ(runner.Eval("return 1"), ":1\r\n");
}

TEST(EvalCommandsTest, RandomNumbersFollowFromTheSeed) {
  ScriptRunner runner;
  const std::string script =
      "math.randomseed(7) return {math.random(1000),math.random(1000),math.random(-5,5)}";
  const std::string reply = runner.Eval(script);
  EXPECT_EQ(runner.Eval(script), reply);
  EXPECT_EQ(reply, "*3\r\n:267\r\n:683\r\n:-3\r\n");
}

// What a command within a script answers is counted once, as its own.
TEST(EvalCommandsTest, ErrorsAreCountedOnce) {
  ScriptRunner runner;
  runner.Run({"rpush", "l", "a"});
  runner.Eval("return redis.call('incr','l')");
  EXPECT_EQ(runner.State().stats.error_replies, 1u);
  runner.Eval("return redis.pcall('incr','l')");
  EXPECT_EQ(runner.State().stats.error_replies, 2u);
  runner.Eval("return redis.error_reply('MY own')");
  EXPECT_EQ(runner.State().stats.error_replies, 3u);
}

TEST(EvalCommandsTest, WithoutMemoryAScriptMayNotBeginToAddData) {
  constexpr const char* kRefused =
      "-OOM command not allowed when used memory > 'maxmemory'. script: ";
  ScriptRunner runner;
  runner.Run({"set", "k", "v"});
  runner.State().settings.Set("maxmemory", "1");
  runner.State().is_out_of_memory = true;
  EXPECT_THAT(runner.Eval("return redis.call('set','k','w')"), StartsWith(kRefused));
  EXPECT_EQ(runner.Eval("return redis.call('get','k')"), "$1\r\nv\r\n");
  EXPECT_EQ(runner.Eval("redis.call('del','k') return redis.call('set','k','w')"), "+OK\r\n");
  EXPECT_EQ(runner.Eval("#!lua\nreturn 1"),
            "-OOM allow-oom flag is not set on the script, can not run it when used memory > "
            "'maxmemory'\r\n");
  EXPECT_EQ(runner.Eval("#!lua flags=no-writes\nreturn 1"), ":1\r\n");
  EXPECT_EQ(runner.Eval("#!lua flags=allow-oom\nreturn redis.call('set','k','x')"), "+OK\r\n");
  EXPECT_THAT(runner.Run({"eval_ro", "#!lua\nreturn 1", "0"}),
              StartsWith("-ERR Can not execute a script with write flag"));
}

TEST(EvalCommandsTest, NothingIsKilledWhenNothingRuns) {
  ScriptRunner runner;
  EXPECT_EQ(runner.Run({"script", "kill"}), "-NOTBUSY No scripts in execution right now.\r\n");
  EXPECT_EQ(runner.Run({"function", "kill"}), "-NOTBUSY No scripts in execution right now.\r\n");
}

TEST(EvalCommandsTest, AScriptIsKilledUnlessItHasWritten) {
  config::ShardConfig settings;
  settings.busy_reply_threshold_ms = 1;
  ScriptRunner runner(settings);
  std::string answer;
  runner.State().serve_while_busy = [&] { answer = runner.Run({"script", "kill"}); };
  EXPECT_THAT(runner.Eval("while true do pcall(function() while true do end end) end"),
              StartsWith("-ERR Script killed by user with SCRIPT KILL... script: "));
  EXPECT_EQ(answer, "+OK\r\n");
  EXPECT_TRUE(runner.State().busy_error.empty());
  EXPECT_EQ(runner.Eval("return 1"), ":1\r\n");

  runner.Eval("redis.call('set','k','v') local t=0 for i=1,3e7 do t=t+i end");
  EXPECT_THAT(answer, StartsWith("-UNKILLABLE "));
  runner.State().serve_while_busy = [&] { answer = runner.Run({"function", "kill"}); };
  runner.Eval("local t=0 for i=1,3e7 do t=t+i end");
  EXPECT_THAT(answer, StartsWith("-BUSY Redis is busy running a script. You can only call SCRIPT"));
}

TEST(EvalCommandsTest, AttributesAreNoPartOfWhatScriptsSee) {
  config::ShardConfig settings;
  settings.enable_debug_command = config::LocalOnly::kYes;
  ScriptRunner runner(settings);
  const std::string script = "redis.setresp(3) return redis.call('debug', 'protocol', 'attrib')";
  EXPECT_THAT(runner.Eval(script), HasSubstr("not allowed from script"));
  runner.Run({"debug", "set-disable-deny-scripts", "1"});
  EXPECT_EQ(runner.Eval(script), "$39\r\nSome real reply following the attribute\r\n");
}

TEST(EvalCommandsTest, WithoutReplicasScriptsWriteNothingIfSomeAreWanted) {
  ScriptRunner runner;
  runner.Run({"config", "set", "min-replicas-to-write", "1"});
  EXPECT_EQ(runner.Eval("return redis.call('get', 'k')"), "$-1\r\n");
  EXPECT_THAT(runner.Eval("return redis.call('set', 'k', 'v')"), StartsWith("-NOREPLICAS "));
  EXPECT_THAT(runner.Eval("#!lua\nreturn 1"), StartsWith("-NOREPLICAS "));
  EXPECT_EQ(runner.Eval("#!lua flags=no-writes\nreturn 1"), ":1\r\n");
}

TEST(EvalCommandsTest, TheApiHasTheNameThatValkeyGaveIt) {
  ScriptRunner runner;
  EXPECT_EQ(runner.Eval("return server.call('ping')"), "+PONG\r\n");
  EXPECT_EQ(runner.Eval("return server.sha1hex('') == redis.sha1hex('') and 1"), ":1\r\n");
  EXPECT_EQ(runner.Run({"function", "load",
                        "#!lua name=l\nserver.register_function('f', function() return 1 end)"}),
            "$1\r\nl\r\n");
}

// The library's own function writes in front of its buffer in the third case.
TEST(EvalCommandsTest, BitsAreShownInHexadecimalWithAnyNumberOfDigits) {
  const std::pair<const char*, const char*> rows[] = {
      {"255", "000000ff"}, {"255, 4", "00ff"},           {"65535, -2147483648", "0000FFFF"},
      {"-1, -3", "FFF"},   {"2^40 + 18, 9", "00000012"}, {"1.5e9, 2147483648", "59682F00"},
      {"255, 1", "f"}};
  ScriptRunner runner;
  for (const auto& [arguments, expected] : rows) {
    EXPECT_EQ(runner.Eval("return bit.tohex(" + std::string(arguments) + ")"),
              "$" + std::to_string(std::string(expected).size()) + "\r\n" + expected + "\r\n")
        << arguments;
  }
  EXPECT_EQ(runner.Eval("return bit.tohex(255, 0)"), "$0\r\n\r\n");
}

TEST(EvalCommandsTest, TheSlowLogNamesTheCallerOfAScript) {
  ScriptRunner runner;
  runner.Run({"config", "set", "slowlog-log-slower-than", "0"});
  runner.State().timing.Apply(runner.State().Config());
  runner.Eval("return redis.call('ping')");
  EXPECT_THAT(runner.Run({"slowlog", "get", "1"}),
              HasSubstr("$4\r\nping\r\n$15\r\n127.0.0.1:40000"));
}

// And not the keys that it was told of.
TEST(EvalCommandsTest, WhatAScriptReadsIsTrackedForItsCaller) {
  ScriptRunner runner;
  runner.SpeakResp3();
  const HeldPushes held(runner.State(), runner.Client());
  runner.Run({"client", "tracking", "on"});
  runner.Run({"eval", "redis.call('set', 'written', 1)", "1", "told"});
  EXPECT_EQ(runner.State().tracking.KeyCount(), 0u);
  runner.Run({"eval", "return redis.call('get', 'read')", "1", "told"});
  EXPECT_EQ(runner.State().tracking.KeyCount(), 1u);
  EXPECT_EQ(runner.State().tracking.AnyKey(), "read");
  runner.State().tracking.Stop(runner.Client());
}

TEST(EvalCommandsTest, TimeStandsStillWithinAScript) {
  ScriptRunner runner;
  EXPECT_EQ(runner.Eval("return redis.call('time')"), "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n");
}

}  // namespace
}  // namespace slotway::storage
