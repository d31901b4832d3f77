// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(SortedSetCommandsTest, AddReadRemove) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"zadd", "z", "1", "a", "2", "b", "2.5", "c"}, ":3\r\n"},
                     {{"zadd", "z", "ch", "1", "a", "3", "b"}, ":1\r\n"},
                     {{"zadd", "z", "xx", "1", "d"}, ":0\r\n"},
                     {{"zadd", "z", "nx", "9", "a"}, ":0\r\n"},
                     {{"zadd", "z", "gt", "ch", "0", "a"}, ":0\r\n"},
                     {{"zadd", "z", "lt", "ch", "0", "a"}, ":1\r\n"},
                     {{"zadd", "z", "gt", "incr", "-1", "a"}, "$-1\r\n"},
                     {{"zadd", "z", "nx", "xx", "1", "a"},
                      "-ERR XX and NX options at the same time are not compatible\r\n"},
                     {{"zadd", "z", "gt", "lt", "1", "a"},
                      "-ERR GT, LT, and/or NX options at the same time are not compatible\r\n"},
                     {{"zadd", "z", "incr", "1", "a", "2", "b"},
                      "-ERR INCR option supports a single increment-element pair\r\n"},
                     {{"zadd", "z", "1", "a", "x", "b"}, "-ERR value is not a valid float\r\n"},
                     {{"zincrby", "z", "0.5", "a"}, "$3\r\n0.5\r\n"},
                     {{"zscore", "z", "b"}, "$1\r\n3\r\n"},
                     {{"zmscore", "z", "a", "x"}, "*2\r\n$3\r\n0.5\r\n$-1\r\n"},
                     {{"zrem", "z", "a", "b", "c", "d"}, ":3\r\n"},
                     {{"exists", "z"}, ":0\r\n"},
                 }),
            "");
}

TEST(SortedSetCommandsTest, Infinities) {
  CommandRunner runner;
  const std::string nan = "-ERR resulting score is not a number (NaN)\r\n";
  EXPECT_EQ(Play(runner,
                 {
                     {{"zadd", "z", "inf", "a", "-inf", "b"}, ":2\r\n"},
                     {{"zincrby", "z", "-inf", "a"}, nan},
                     {{"zadd", "z", "incr", "+inf", "b"}, nan},
                     {{"zadd", "z", "nan", "a"}, "-ERR value is not a valid float\r\n"},
                     {{"zrange", "z", "-inf", "(inf", "byscore"}, "*1\r\n$1\r\nb\r\n"},
                     {{"zunion", "1", "z", "weights", "0", "withscores"},
                      "*4\r\n$1\r\na\r\n$1\r\n0\r\n$1\r\nb\r\n$1\r\n0\r\n"},
                 }),
            "");
}

TEST(SortedSetCommandsTest, Ranks) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"zadd", "z", "1", "a", "2", "b", "3", "c"}, ":3\r\n"},
                     {{"zrank", "z", "c"}, ":2\r\n"},
                     {{"zrevrank", "z", "c"}, ":0\r\n"},
                     {{"zrank", "z", "b", "withscore"}, "*2\r\n:1\r\n$1\r\n2\r\n"},
                     {{"zrevrank", "z", "x", "withscore"}, "*-1\r\n"},
                     {{"zrank", "z", "x"}, "$-1\r\n"},
                     {{"zrank", "z", "a", "scores"}, "-ERR syntax error\r\n"},
                     {{"zrank", "z", "a", "withscore", "x"},
                      "-ERR wrong number of arguments for 'zrank' command\r\n"},
                 }),
            "");
}

TEST(SortedSetCommandsTest, Ranges) {
  CommandRunner runner;
  const std::string bc = "*2\r\n$1\r\nb\r\n$1\r\nc\r\n";
  EXPECT_EQ(
      Play(runner,
           {
               {{"zadd", "z", "1", "a", "2", "b", "3", "c"}, ":3\r\n"},
               {{"zrange", "z", "1", "-1"}, bc},
               {{"zrange", "z", "(1", "+inf", "byscore"}, bc},
               {{"zrange", "z", "+inf", "0", "byscore", "rev", "limit", "2", "5"},
                "*1\r\n$1\r\na\r\n"},
               {{"zrevrange", "z", "0", "0", "withscores"}, "*2\r\n$1\r\nc\r\n$1\r\n3\r\n"},
               {{"zrangebyscore", "z", "0", "9", "limit", "1", "-1"}, bc},
               {{"zrange", "z", "0", "1", "limit", "0", "1"},
                "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or "
                "BYLEX\r\n"},
               {{"zrangebylex", "z", "[a", "(c", "withscores"},
                "-ERR syntax error, WITHSCORES not supported in combination with BYLEX\r\n"},
               {{"zrangebyscore", "z", "x", "1"}, "-ERR min or max is not a float\r\n"},
               {{"zrangebylex", "z", "a", "+"}, "-ERR min or max not valid string range item\r\n"},
               {{"zcount", "z", "2", "(3"}, ":1\r\n"},
               {{"zrangestore", "y", "z", "1", "-1"}, ":2\r\n"},
               {{"zrange", "y", "0", "-1"}, bc},
               {{"zrangestore", "y", "none", "0", "-1"}, ":0\r\n"},
               {{"exists", "y"}, ":0\r\n"},
               {{"zremrangebyscore", "z", "2", "9"}, ":2\r\n"},
               {{"zremrangebyrank", "z", "0", "-1"}, ":1\r\n"},
               {{"exists", "z"}, ":0\r\n"},
           }),
      "");
}

TEST(SortedSetCommandsTest, Pops) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"zadd", "z", "1", "a", "2", "b", "3", "c", "4", "d"}, ":4\r\n"},
                     {{"zpopmin", "z"}, "*2\r\n$1\r\na\r\n$1\r\n1\r\n"},
                     {{"zpopmax", "z", "0"}, "*0\r\n"},
                     {{"zpopmin", "z", "-1"}, "-ERR value is out of range, must be positive\r\n"},
                     {{"zmpop", "2", "y", "z", "max", "count", "2"},
                      "*2\r\n$1\r\nz\r\n*2\r\n*2\r\n$1\r\nd\r\n$1\r\n4\r\n*2\r\n$1\r\nc\r\n$1\r\n"
                      "3\r\n"},
                     {{"zmpop", "0", "z", "min"}, "-ERR numkeys should be greater than 0\r\n"},
                     {{"zmpop", "1", "z", "middle"}, "-ERR syntax error\r\n"},
                     {{"zpopmax", "z", "9"}, "*2\r\n$1\r\nb\r\n$1\r\n2\r\n"},
                     {{"zmpop", "1", "z", "min"}, "*-1\r\n"},
                     {{"zpopmin", "z"}, "*0\r\n"},
                 }),
            "");
}

TEST(SortedSetCommandsTest, Joins) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"zadd", "x", "1", "a", "2", "b"}, ":2\r\n"},
                     {{"zadd", "y", "10", "b", "20", "c"}, ":2\r\n"},
                     {{"zunionstore", "u", "2", "x", "y", "weights", "2", "1"}, ":3\r\n"},
                     {{"zrange", "u", "0", "-1", "withscores"},
                      "*6\r\n$1\r\na\r\n$1\r\n2\r\n$1\r\nb\r\n$2\r\n14\r\n$1\r\nc\r\n$2\r\n20\r\n"},
                     {{"zinter", "2", "x", "y", "aggregate", "max", "withscores"},
                      "*2\r\n$1\r\nb\r\n$2\r\n10\r\n"},
                     {{"zdiff", "2", "x", "y"}, "*1\r\n$1\r\na\r\n"},
                     {{"zintercard", "2", "u", "x", "limit", "1"}, ":1\r\n"},
                     {{"zintercard", "2", "u", "x"}, ":2\r\n"},
                     {{"zdiffstore", "u", "2", "x", "x"}, ":0\r\n"},
                     {{"exists", "u"}, ":0\r\n"},
                     {{"zunion", "0", "x"},
                      "-ERR at least 1 input key is needed for 'zunion' command\r\n"},
                     {{"zunion", "3", "x", "y"}, "-ERR syntax error\r\n"},
                     {{"zinter", "1", "x", "weights", "w"}, "-ERR weight value is not a float\r\n"},
                 }),
            "");
}

TEST(SortedSetCommandsTest, Resp3Shapes) {
  CommandRunner runner;
  runner.SpeakResp3();
  EXPECT_EQ(Play(runner,
                 {
                     {{"zadd", "z", "1.5", "a"}, ":1\r\n"},
                     {{"zscore", "z", "a"}, ",1.5\r\n"},
                     {{"zrange", "z", "0", "-1", "withscores"}, "*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n"},
                     {{"zrandmember", "z", "-1", "withscores"}, "*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n"},
                     {{"zscan", "z", "0"}, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$3\r\n1.5\r\n"},
                     {{"zrank", "z", "a", "withscore"}, "*2\r\n:0\r\n,1.5\r\n"},
                     {{"zrank", "z", "x", "withscore"}, "_\r\n"},
                     {{"zpopmin", "z", "1"}, "*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n"},
                 }),
            "");
}

TEST(SortedSetCommandsTest, Events) {
  CommandRunner runner;
  Listener listener(runner.State());
  listener.HearKeyEvents();
  const std::vector<std::pair<std::vector<std::string>, std::string>> steps = {
      {{"zadd", "z", "1", "a", "2", "b", "3", "c", "4", "d"}, "zadd z, "},
      {{"zadd", "z", "1", "a"}, ""},
      {{"zincrby", "z", "2", "a"}, "zincr z, "},
      {{"zrem", "z", "x"}, ""},
      {{"zrem", "z", "a"}, "zrem z, "},
      {{"zunionstore", "u", "1", "z"}, "zunionstore u, "},
      {{"zinterstore", "u", "1", "x"}, "del u, "},
      {{"zrangestore", "u", "z", "0", "-1"}, "zrangestore u, "},
      {{"zremrangebyrank", "u", "0", "0"}, "zremrangebyrank u, "},
      {{"zpopmax", "z"}, "zpopmax z, "},
      {{"zmpop", "1", "z", "min", "count", "9"}, "zpopmin z, del z, "},
      {{"geoadd", "g", "1", "1", "a"}, "zadd g, "},
      {{"geosearchstore", "s", "g", "fromlonlat", "1", "1", "byradius", "1", "km"},
       "geosearchstore s, "},
      {{"georadius", "g", "50", "50", "1", "km", "store", "s"}, "del s, "},
  };
  for (const auto& [request, expected] : steps) {
    runner.Run(request);
    EXPECT_EQ(listener.TakeKeyEvents(), expected) << request[0];
  }
}

}  // namespace
}  // namespace slotway::storage
