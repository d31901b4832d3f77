// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <string>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

TEST(StreamCommandsTest, EntriesAreAddedReadAndRemoved) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"xadd", "s", "0-0", "f", "v"},
                "-ERR The ID specified in XADD must be greater than 0-0\r\n"},
               {{"xadd", "s", "nomkstream", "1-1", "f", "v"}, "$-1\r\n"},
               {{"xadd", "s", "1-1", "f", "v"}, "$3\r\n1-1\r\n"},
               {{"xadd", "s", "1-1", "f", "v"},
                "-ERR The ID specified in XADD is equal or smaller than the target stream "
                "top item\r\n"},
               {{"xadd", "s", "1-*", "f", "2"}, "$3\r\n1-2\r\n"},
               {{"xadd", "s", "*", "f"}, "-ERR wrong number of arguments for 'xadd' command\r\n"},
               {{"xadd", "s", "*", "g", "3"}, "$15\r\n1700000000000-0\r\n"},
               {{"xadd", "s", "*", "g", "4"}, "$15\r\n1700000000000-1\r\n"},
               {{"xlen", "s"}, ":4\r\n"},
               {{"xrange", "s", "(1-1", "2"},
                "*1\r\n*2\r\n$3\r\n1-2\r\n*2\r\n$1\r\nf\r\n$1\r\n2\r\n"},
               {{"xrange", "s", "-", "+", "count", "0"}, "*-1\r\n"},
               {{"xrange", "s", "(18446744073709551615-18446744073709551615", "+"},
                "-ERR invalid start ID for the interval\r\n"},
               {{"xrevrange", "s", "(1-2", "-"},
                "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"},
               {{"xdel", "s", "1-1", "x"},
                "-ERR Invalid stream ID specified as stream command argument\r\n"},
               {{"xlen", "s"}, ":4\r\n"},  // all or nothing
               {{"xdel", "s", "1-1", "1-1", "9-9"}, ":1\r\n"},
               {{"xtrim", "s", "maxlen", "=", "1"}, ":2\r\n"},
               {{"xtrim", "s", "maxlen", "1", "limit", "5"},
                "-ERR syntax error, LIMIT cannot be used without the special ~ option\r\n"},
               {{"xtrim", "s", "maxlen", "~", "0"}, ":1\r\n"},
               {{"exists", "s"}, ":1\r\n"},  // an empty stream stays
               {{"object", "encoding", "s"}, "$6\r\nstream\r\n"},
           }),
      "");
}

TEST(StreamCommandsTest, IdsAreReadAsRedisReadsThem) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"xadd", "s", "007-+1", "f", "v"}, "$3\r\n7-1\r\n"},
                     {{"xadd", "s", "-", "f", "v"},
                      "-ERR Invalid stream ID specified as stream command argument\r\n"},
                     {{"xadd", "s", "18446744073709551616", "f", "v"},
                      "-ERR Invalid stream ID specified as stream command argument\r\n"},
                     {{"xadd", "s", "7-18446744073709551615", "f", "v"},
                      "$22\r\n7-18446744073709551615\r\n"},
                     {{"xadd", "s", "7-*", "f", "v"},
                      "-ERR The ID specified in XADD is equal or smaller than the target stream "
                      "top item\r\n"},
                     {{"xsetid", "s", "18446744073709551615-18446744073709551615"}, "+OK\r\n"},
                     {{"xadd", "s", "*", "f", "v"},
                      "-ERR The stream has exhausted the last possible ID, unable to add more "
                      "items\r\n"},
                 }),
            "");
}

TEST(StreamCommandsTest, XsetidDoesNotGoBackBehindWhatWasThere) {
  CommandRunner runner;
  runner.Run({"xadd", "s", "5-0", "f", "v"});
  runner.Run({"xadd", "s", "6-0", "f", "v"});
  runner.Run({"xdel", "s", "6-0"});
  EXPECT_EQ(Play(runner,
                 {
                     {{"xsetid", "s", "5-5"},
                      "-ERR The ID specified in XSETID is smaller than current "
                      "max_deleted_entry_id\r\n"},
                     {{"xsetid", "s", "7-0", "entriesadded", "0"},
                      "-ERR The entries_added specified in XSETID is smaller than the target "
                      "stream length\r\n"},
                     {{"xsetid", "s", "7-0", "maxdeletedid", "8-0"},
                      "-ERR The ID specified in XSETID is smaller than the provided "
                      "max_deleted_entry_id\r\n"},
                     {{"xsetid", "s", "7-0", "entriesadded", "9"}, "+OK\r\n"},
                     {{"xsetid", "none", "7-0"}, "-ERR no such key\r\n"},
                 }),
            "");
}

class StreamGroupTest : public ::testing::Test {
 protected:
  StreamGroupTest() {
    runner_.Run({"xadd", "s", "1-0", "f", "v"});
    runner_.Run({"xadd", "s", "2-0", "f", "v"});
    runner_.Run({"xgroup", "create", "s", "g", "0"});
  }
  CommandRunner runner_;
};

TEST_F(StreamGroupTest, DeliveredEntriesAreClaimedAndAcknowledged) {
  EXPECT_EQ(
      Play(runner_,
           {
               {{"xgroup", "create", "s", "g", "0"},
                "-BUSYGROUP Consumer Group name already exists\r\n"},
               {{"xreadgroup", "group", "g", "a", "count", "1", "streams", "s", ">"},
                "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"},
               {{"xpending", "s", "g"},
                "*4\r\n:1\r\n$3\r\n1-0\r\n$3\r\n1-0\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"},
               {{"xclaim", "s", "g", "b", "0", "1-0", "2-0", "justid"}, "*1\r\n$3\r\n1-0\r\n"},
               {{"xclaim", "s", "g", "b", "0", "2-0", "force", "retrycount", "7", "justid"},
                "*1\r\n$3\r\n2-0\r\n"},
               {{"xpending", "s", "g", "-", "+", "9", "b"},
                "*2\r\n*4\r\n$3\r\n1-0\r\n$1\r\nb\r\n:0\r\n:1\r\n"
                "*4\r\n$3\r\n2-0\r\n$1\r\nb\r\n:0\r\n:7\r\n"},
               {{"xdel", "s", "1-0"}, ":1\r\n"},
               {{"xreadgroup", "group", "g", "b", "count", "1", "streams", "s", "0"},
                "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n"},
               {{"xautoclaim", "s", "g", "a", "0", "-", "justid"},
                "*3\r\n$3\r\n0-0\r\n*1\r\n$3\r\n2-0\r\n*1\r\n$3\r\n1-0\r\n"},
               {{"xack", "s", "g", "1-0", "2-0"}, ":1\r\n"},
               {{"xpending", "s", "g"}, "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1\r\n"},
               {{"xpending", "s", "none"}, "-NOGROUP No such key 's' or consumer group 'none'\r\n"},
           }),
      "");
}

// Since 7.2 a consumer comes to be when it asks, and what it gets is told apart from that.
TEST_F(StreamGroupTest, SeenAndActiveAreTwoTimes) {
  runner_.Run({"xreadgroup", "group", "g", "a", "streams", "s", ">"});
  runner_.Run({"xreadgroup", "group", "g", "idler", "streams", "s", ">"});
  runner_.Advance(100);
  runner_.Run({"xreadgroup", "group", "g", "a", "streams", "s", ">"});
  runner_.Advance(5);
  EXPECT_EQ(runner_.Run({"xinfo", "consumers", "s", "g"}),
            "*2\r\n"
            "*8\r\n$4\r\nname\r\n$1\r\na\r\n$7\r\npending\r\n:2\r\n$4\r\nidle\r\n:5\r\n"
            "$8\r\ninactive\r\n:105\r\n"
            "*8\r\n$4\r\nname\r\n$5\r\nidler\r\n$7\r\npending\r\n:0\r\n$4\r\nidle\r\n:105\r\n"
            "$8\r\ninactive\r\n:-1\r\n");
}

TEST_F(StreamGroupTest, LagIsKnownUntilSomethingIsDeletedAhead) {
  const auto groups = [this](const std::string& read, const std::string& lag) {
    return Play(runner_, {{{"xinfo", "groups", "s"},
                           "*1\r\n*12\r\n$4\r\nname\r\n$1\r\ng\r\n$9\r\nconsumers\r\n:1\r\n"
                           "$7\r\npending\r\n:0\r\n$17\r\nlast-delivered-id\r\n$3\r\n1-0\r\n"
                           "$12\r\nentries-read\r\n" +
                               read + "$3\r\nlag\r\n" + lag}});
  };
  runner_.Run({"xreadgroup", "group", "g", "a", "count", "1", "noack", "streams", "s", ">"});
  EXPECT_EQ(groups(":1\r\n", ":1\r\n"), "");
  runner_.Run({"xadd", "s", "3-0", "f", "v"});
  EXPECT_EQ(groups(":1\r\n", ":2\r\n"), "");
  runner_.Run({"xdel", "s", "2-0"});
  EXPECT_EQ(groups(":1\r\n", "$-1\r\n"), "");
}

TEST_F(StreamGroupTest, Resp3HasMapsOfStreams) {
  runner_.SpeakResp3();
  EXPECT_EQ(runner_.Run({"xread", "count", "1", "streams", "s", "none", "1", "0"}),
            "%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n2-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
  EXPECT_EQ(runner_.Run({"xread", "streams", "s", "$"}), "_\r\n");
  EXPECT_EQ(runner_.Run({"xread", "streams", "s", "none", "0"}),
            "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be "
            "specified.\r\n");
}

TEST_F(StreamGroupTest, CopiesAreIndependent) {
  runner_.Run({"xreadgroup", "group", "g", "a", "streams", "s", ">"});
  EXPECT_EQ(Play(runner_,
                 {
                     {{"copy", "s", "t"}, ":1\r\n"},
                     {{"xack", "s", "g", "1-0", "2-0"}, ":2\r\n"},
                     {{"xtrim", "s", "maxlen", "0"}, ":2\r\n"},
                     {{"xlen", "t"}, ":2\r\n"},
                     {{"xgroup", "delconsumer", "t", "g", "a"}, ":2\r\n"},
                     {{"xgroup", "destroy", "t", "g"}, ":1\r\n"},
                     {{"xgroup", "destroy", "t", "g"}, ":0\r\n"},
                 }),
            "");
}

// A request that waits leaves no reply, and a client that may not wait is answered at once.
TEST(WaitingCommandsTest, WhatWaitsIsKept) {
  CommandRunner runner;
  runner.Client().denies_waiting = true;
  EXPECT_EQ(runner.Run({"blpop", "k", "0"}), "*-1\r\n");
  EXPECT_EQ(runner.Run({"blmove", "k", "m", "left", "left", "0"}), "$-1\r\n");
  EXPECT_EQ(runner.Run({"xread", "block", "0", "streams", "k", "$"}), "*-1\r\n");
  runner.Client().denies_waiting = false;
  EXPECT_EQ(runner.Run({"blpop", "k", "1e400"}), "-ERR timeout is out of range\r\n");
  EXPECT_EQ(runner.Run({"blpop", "k", "-0.1"}), "-ERR timeout is negative\r\n");
  runner.Run({"xadd", "s", "3-3", "f", "v"});
  EXPECT_EQ(runner.Run({"xread", "block", "20", "streams", "s", "$"}), "");
  ASSERT_TRUE(runner.Client().is_waiting);
  const WaitingRequest* request = runner.State().waiters.RequestOf(runner.Client());
  EXPECT_EQ(request->args.back(), "3-3");  // what "$" was when it came
  EXPECT_EQ(request->deadline_ms, runner.State().now_ms + 20);
  runner.State().waiters.Remove(runner.Client());
}

}  // namespace
}  // namespace slotway::storage
