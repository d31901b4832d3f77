// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

constexpr char kWrongType[] =
    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

TEST(SetCommandsTest, MemberByMember) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"sadd", "s", "3", "1", "2", "1"}, ":3\r\n"},
                     {{"object", "encoding", "s"}, "$6\r\nintset\r\n"},
                     {{"sadd", "s", "2"}, ":0\r\n"},
                     {{"smembers", "s"}, "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"},
                     {{"sismember", "s", "2"}, ":1\r\n"},
                     {{"sismember", "s", "02"}, ":0\r\n"},
                     {{"sadd", "s", "a"}, ":1\r\n"},
                     {{"object", "encoding", "s"}, "$8\r\nlistpack\r\n"},
                     {{"smismember", "s", "a", "z", "3"}, "*3\r\n:1\r\n:0\r\n:1\r\n"},
                     {{"smismember", "none", "a"}, "*1\r\n:0\r\n"},
                     {{"scard", "s"}, ":4\r\n"},
                     {{"srem", "s", "a", "1", "z"}, ":2\r\n"},
                     {{"srem", "s", "2", "3", "3"}, ":2\r\n"},
                     {{"exists", "s"}, ":0\r\n"},
                     {{"smembers", "s"}, "*0\r\n"},
                     {{"set", "text", "v"}, "+OK\r\n"},
                     {{"sadd", "text", "m"}, kWrongType},
                     {{"smembers", "text"}, kWrongType},
                     {{"sadd", "s"}, "-ERR wrong number of arguments for 'sadd' command\r\n"},
                 }),
            "");
}

TEST(SetCommandsTest, Move) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"sadd", "from", "a", "b"}, ":2\r\n"},
                     {{"sadd", "to", "1"}, ":1\r\n"},
                     {{"smove", "from", "to", "z"}, ":0\r\n"},
                     {{"smove", "from", "from", "a"}, ":1\r\n"},
                     {{"smove", "from", "to", "a"}, ":1\r\n"},
                     {{"smembers", "to"}, "*2\r\n$1\r\n1\r\n$1\r\na\r\n"},
                     {{"smove", "from", "new", "b"}, ":1\r\n"},
                     {{"exists", "from"}, ":0\r\n"},
                     {{"smembers", "new"}, "*1\r\n$1\r\nb\r\n"},
                     {{"set", "text", "v"}, "+OK\r\n"},
                     {{"smove", "new", "text", "b"}, kWrongType},
                     {{"smove", "text", "new", "b"}, kWrongType},
                     {{"smove", "none", "text", "b"}, ":0\r\n"},
                 }),
            "");
}

TEST(SetCommandsTest, Joined) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"sadd", "a", "1", "2", "3", "4"}, ":4\r\n"},
               {{"sadd", "b", "3", "4", "5"}, ":3\r\n"},
               {{"sadd", "c", "4", "x"}, ":2\r\n"},
               {{"sinter", "a", "b"}, "*2\r\n$1\r\n3\r\n$1\r\n4\r\n"},
               {{"sinter", "a", "b", "c"}, "*1\r\n$1\r\n4\r\n"},
               {{"sinter", "a", "none"}, "*0\r\n"},
               {{"sdiff", "a", "b"}, "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"},
               {{"sdiff", "a", "a"}, "*0\r\n"},
               {{"sdiff", "none", "a"}, "*0\r\n"},
               {{"sunionstore", "u", "a", "b", "none"}, ":5\r\n"},
               {{"object", "encoding", "u"}, "$6\r\nintset\r\n"},
               {{"smembers", "u"}, "*5\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n"},
               {{"sunionstore", "u", "a", "c"}, ":5\r\n"},
               {{"object", "encoding", "u"}, "$8\r\nlistpack\r\n"},
               {{"sinterstore", "a", "a", "b"}, ":2\r\n"},
               {{"smembers", "a"}, "*2\r\n$1\r\n3\r\n$1\r\n4\r\n"},
               {{"sdiffstore", "a", "none", "b"}, ":0\r\n"},
               {{"exists", "a"}, ":0\r\n"},
               {{"set", "text", "v"}, "+OK\r\n"},
               {{"sinter", "none", "text"}, kWrongType},
               {{"sunionstore", "u", "b", "text"}, kWrongType},
               {{"sdiffstore", "text", "b"}, ":3\r\n"},
               {{"type", "text"}, "+set\r\n"},
           }),
      "");
}

// Removing a few from a copy is less work than to look up each of many in all others.
TEST(SetCommandsTest, DiffOfManySmallSetsFromALargeOne) {
  CommandRunner runner;
  for (int i = 0; i < 600; ++i) runner.Run({"sadd", "large", std::to_string(i)});
  std::vector<std::string> diff = {"sdiff", "large"};
  for (int i = 0; i < 598; ++i) {
    std::string key = "few" + std::to_string(i);
    runner.Run({"sadd", key, std::to_string(i), "m"});
    diff.push_back(key);
  }
  std::string reply = runner.Run(diff);
  EXPECT_TRUE(reply == "*2\r\n$3\r\n598\r\n$3\r\n599\r\n" ||
              reply == "*2\r\n$3\r\n599\r\n$3\r\n598\r\n")
      << reply;
  diff[0] = "sdiffstore";
  diff.insert(diff.begin() + 1, "left");
  EXPECT_EQ(runner.Run(diff), ":2\r\n");
}

TEST(SetCommandsTest, Intercard) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"sadd", "a", "1", "2", "3", "4"}, ":4\r\n"},
               {{"sadd", "b", "3", "4", "2"}, ":3\r\n"},
               {{"sintercard", "2", "a", "b"}, ":3\r\n"},
               {{"sintercard", "2", "a", "b", "limit", "2"}, ":2\r\n"},
               {{"sintercard", "2", "a", "b", "limit", "0"}, ":3\r\n"},
               {{"sintercard", "2", "a", "b", "limit", "4"}, ":3\r\n"},
               {{"sintercard", "2", "a", "b", "limit", "-1"}, "-ERR LIMIT can't be negative\r\n"},
               {{"sintercard", "2", "a", "b", "limit"}, "-ERR syntax error\r\n"},
               {{"sintercard", "0", "a"}, "-ERR numkeys should be greater than 0\r\n"},
               {{"sintercard", "x", "a"}, "-ERR numkeys should be greater than 0\r\n"},
               {{"sintercard", "3", "a", "b"},
                "-ERR Number of keys can't be greater than number of args\r\n"},
           }),
      "");
}

TEST(SetCommandsTest, RandomAndPop) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"sadd", "s", "a"}, ":1\r\n"},
                     {{"srandmember", "s"}, "$1\r\na\r\n"},
                     {{"srandmember", "s", "5"}, "*1\r\n$1\r\na\r\n"},
                     {{"srandmember", "s", "-2"}, "*2\r\n$1\r\na\r\n$1\r\na\r\n"},
                     {{"srandmember", "s", "0"}, "*0\r\n"},
                     {{"srandmember", "s", "1", "x"}, "-ERR syntax error\r\n"},
                     {{"srandmember", "s", "-9223372036854775808"},
                      "-ERR value is out of range, value must between -9223372036854775807 and "
                      "9223372036854775807\r\n"},
                     {{"srandmember", "none"}, "$-1\r\n"},
                     {{"srandmember", "none", "1"}, "*0\r\n"},
                     {{"spop", "none"}, "$-1\r\n"},
                     {{"spop", "none", "1"}, "*0\r\n"},
                     {{"spop", "s", "0"}, "*0\r\n"},
                     {{"spop", "s", "-1"}, "-ERR value is out of range, must be positive\r\n"},
                     {{"spop", "s", "1", "x"}, "-ERR syntax error\r\n"},
                     {{"spop", "s"}, "$1\r\na\r\n"},
                     {{"exists", "s"}, ":0\r\n"},
                     {{"sadd", "s", "a"}, ":1\r\n"},
                     {{"spop", "s", "7"}, "*1\r\n$1\r\na\r\n"},
                     {{"exists", "s"}, ":0\r\n"},
                 }),
            "");
}

TEST(SetCommandsTest, PopTakesWhatItAnswers) {
  for (const std::string prefix : {"", "m"}) {
    for (const int count : {40, 300}) {
      CommandRunner runner;
      for (int i = 0; i < count; ++i) runner.Run({"sadd", "s", prefix + std::to_string(i)});
      int left = count;
      for (const int popped : {3, 20}) {
        std::string reply = runner.Run({"spop", "s", std::to_string(popped)});
        EXPECT_EQ(reply.substr(0, reply.find('\r')), "*" + std::to_string(popped));
        left -= popped;
        EXPECT_EQ(runner.Run({"scard", "s"}), ":" + std::to_string(left) + "\r\n");
        for (std::size_t at = reply.find('$'); at != std::string::npos;) {
          std::size_t begin = reply.find("\r\n", at) + 2;
          std::size_t end = reply.find("\r\n", begin);
          EXPECT_EQ(runner.Run({"sismember", "s", reply.substr(begin, end - begin)}), ":0\r\n");
          at = reply.find('$', end);
        }
      }
    }
  }
}

TEST(SetCommandsTest, Resp3Shapes) {
  CommandRunner runner;
  runner.SpeakResp3();
  EXPECT_EQ(Play(runner,
                 {
                     {{"sadd", "s", "a"}, ":1\r\n"},
                     {{"smembers", "s"}, "~1\r\n$1\r\na\r\n"},
                     {{"smembers", "none"}, "~0\r\n"},
                     {{"sinter", "s"}, "~1\r\n$1\r\na\r\n"},
                     {{"sunion", "s"}, "~1\r\n$1\r\na\r\n"},
                     {{"sdiff", "s"}, "~1\r\n$1\r\na\r\n"},
                     {{"srandmember", "s", "1"}, "*1\r\n$1\r\na\r\n"},
                     {{"srandmember", "none"}, "_\r\n"},
                     {{"sscan", "s", "0"}, "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"},
                     {{"spop", "s", "1"}, "~1\r\n$1\r\na\r\n"},
                     {{"spop", "s", "1"}, "~0\r\n"},
                 }),
            "");
}

TEST(SetCommandsTest, OtherFamiliesTakeSets) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"sadd", "s", "3", "1", "20"}, ":3\r\n"},
                     {{"zadd", "z", "5", "1"}, ":1\r\n"},
                     {{"sort", "s", "desc"}, "*3\r\n$2\r\n20\r\n$1\r\n3\r\n$1\r\n1\r\n"},
                     {{"sort", "s", "by", "nosort", "store", "sorted"}, ":3\r\n"},
                     {{"lrange", "sorted", "0", "-1"}, "*3\r\n$1\r\n1\r\n$2\r\n20\r\n$1\r\n3\r\n"},
                     {{"zinter", "2", "s", "z", "weights", "2", "1", "withscores"},
                      "*2\r\n$1\r\n1\r\n$1\r\n7\r\n"},
                     {{"zdiff", "2", "s", "z"}, "*2\r\n$2\r\n20\r\n$1\r\n3\r\n"},
                     {{"zunionstore", "sum", "2", "s", "z"}, ":3\r\n"},
                     {{"zscore", "sum", "1"}, "$1\r\n6\r\n"},
                     {{"zintercard", "2", "s", "sum", "limit", "2"}, ":2\r\n"},
                     {{"copy", "s", "copied"}, ":1\r\n"},
                     {{"sadd", "copied", "a"}, ":1\r\n"},
                     {{"scard", "s"}, ":3\r\n"},
                     {{"sscan", "copied", "0", "match", "[1a]*"},
                      "*2\r\n$1\r\n0\r\n*2\r\n$1\r\n1\r\n$1\r\na\r\n"},
                 }),
            "");
}

// A key that is due is deleted when it is looked up: that must not harm what was found before.
TEST(SetCommandsTest, DueKeysAmongOthers) {
  CommandRunner runner;
  for (int i = 0; i < 200; ++i) runner.Run({"sadd", "s", "m" + std::to_string(i)});
  runner.Run({"sadd", "due", "m1"});
  runner.Run({"pexpire", "due", "10"});
  runner.Run({"sadd", "due2", "m1"});
  runner.Run({"pexpire", "due2", "10"});
  runner.Advance(20);
  EXPECT_EQ(runner.Run({"sinterstore", "out", "s", "due"}), ":0\r\n");
  EXPECT_EQ(runner.Run({"smove", "s", "due2", "m1"}), ":1\r\n");
  EXPECT_EQ(runner.Run({"scard", "s"}), ":199\r\n");
  EXPECT_EQ(runner.Run({"smembers", "due2"}), "*1\r\n$2\r\nm1\r\n");
}

}  // namespace
}  // namespace slotway::storage
