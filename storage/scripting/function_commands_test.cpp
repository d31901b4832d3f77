// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/crc64.h"
#include "storage/persistence/rdb_format.h"
#include "storage/scripting/script_runner.h"

namespace slotway::storage {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Library(const std::string& name, const std::string& body) {
  return "#!lua name=" + name + "\n" + body;
}
std::string Returning(const std::string& name, const std::string& function, int value) {
  return Library(name, "redis.register_function('" + function + "', function() return " +
                           std::to_string(value) + " end)");
}

TEST(FunctionCommandsTest, LoadCallAndDelete) {
  ScriptRunner runner;
  EXPECT_EQ(runner.Run({"function", "load", Returning("lib", "f", 7)}), "$3\r\nlib\r\n");
  EXPECT_EQ(runner.Run({"fcall", "F", "0"}), ":7\r\n");
  EXPECT_EQ(runner.Run({"function", "load", Returning("lib", "f", 8)}),
            "-ERR Library 'lib' already exists\r\n");
  EXPECT_EQ(runner.Run({"function", "load", Returning("other", "f", 8)}),
            "-ERR Function f already exists\r\n");
  EXPECT_EQ(runner.Run({"function", "load", "replace", Returning("lib", "f", 8)}), "$3\r\nlib\r\n");
  EXPECT_EQ(runner.Run({"fcall", "f", "0"}), ":8\r\n");
  // One that fails leaves the old one.
  EXPECT_THAT(runner.Run({"function", "load", "replace", Library("lib", "error('x')")}),
              StartsWith("-ERR Error registering functions: "));
  EXPECT_EQ(runner.Run({"fcall", "f", "0"}), ":8\r\n");
  EXPECT_EQ(runner.Run({"function", "delete", "nosuch"}), "-ERR Library not found\r\n");
  EXPECT_EQ(runner.Run({"function", "delete", "lib"}), "+OK\r\n");
  EXPECT_EQ(runner.Run({"fcall", "f", "0"}), "-ERR Function not found\r\n");
}

TEST(FunctionCommandsTest, FunctionsGetKeysAndArguments) {
  ScriptRunner runner;
  runner.Run({"function", "load",
              Library("l",
                      "redis.register_function('f', function(keys, args) return "
                      "{keys[1], args[1], redis.call('set', keys[1], args[1])} end)")});
  EXPECT_EQ(runner.Run({"fcall", "f", "1", "k", "v"}), "*3\r\n$1\r\nk\r\n$1\r\nv\r\n+OK\r\n");
  EXPECT_EQ(runner.Run({"fcall_ro", "f", "1", "k", "v"}),
            "-ERR Can not execute a script with write flag using *_ro command.\r\n");
  EXPECT_EQ(runner.Run({"fcall", "f", "x", "k"}), "-ERR Bad number of keys provided\r\n");
}

TEST(FunctionCommandsTest, RegistrationIsChecked) {
  ScriptRunner runner;
  const auto load = [&](const std::string& body) {
    return runner.Run({"function", "load", Library("l", body)});
  };
  const std::string begin = "-ERR Error registering functions: ";
  EXPECT_EQ(load("redis.register_function('f')"),
            begin +
                "ERR calling redis.register_function with a single argument is only applicable "
                "to Lua table (representing named arguments).\r\n");
  EXPECT_EQ(load("redis.register_function{function_name='f', callback=function() end, "
                 "flags={'nosuch'}}"),
            begin + "ERR unknown flag given\r\n");
  EXPECT_EQ(
      load("redis.register_function{function_name='f', callback=5}"),
      begin + "ERR callback argument given to redis.register_function must be a function\r\n");
  EXPECT_EQ(load("redis.register_function{function_name='f', x=5}"),
            begin + "ERR unknown argument given to redis.register_function\r\n");
  EXPECT_THAT(load("redis.register_function('a b', function() end)"),
              HasSubstr("Library names can only contain letters"));
  EXPECT_THAT(load("redis.register_function('a\\0b', function() end)"),
              HasSubstr("Library names can only contain letters"));
  EXPECT_THAT(load("redis.call('get','k')"),
              HasSubstr("attempted to access nonexistent global variable 'call'"));
  EXPECT_THAT(load("return math.random()"),
              HasSubstr("attempted to access nonexistent global variable 'math'"));
  EXPECT_EQ(load("return 1"), "-ERR No functions registered\r\n");
  EXPECT_THAT(load("while true do end"), HasSubstr("FUNCTION LOAD timeout"));
  EXPECT_EQ(runner.Run({"function", "load", "return 1"}), "-ERR Missing library metadata\r\n");
  EXPECT_EQ(runner.Run({"function", "load", "#!python name=a\n"}),
            "-ERR Engine 'python' not found\r\n");
  EXPECT_EQ(runner.Run({"function", "load", "#!lua name=a name=b\n"}),
            "-ERR Invalid metadata value, name argument was given multiple times\r\n");
  EXPECT_EQ(runner.Run({"function", "load", "#!lua\n"}), "-ERR Library name was not given\r\n");
}

TEST(FunctionCommandsTest, ListsLibraries) {
  ScriptRunner runner;
  runner.Run({"function", "load",
              Library("lib",
                      "redis.register_function{function_name='f', description='d', "
                      "callback=function() return 1 end, flags={'no-writes'}}")});
  const std::string library =
      "*6\r\n$12\r\nlibrary_name\r\n$3\r\nlib\r\n$6\r\nengine\r\n$3\r\nLUA\r\n"
      "$9\r\nfunctions\r\n*1\r\n*6\r\n$4\r\nname\r\n$1\r\nf\r\n$11\r\ndescription\r\n$1\r\nd\r\n"
      "$5\r\nflags\r\n*1\r\n+no-writes\r\n";
  EXPECT_EQ(runner.Run({"function", "list"}), "*1\r\n" + library);
  EXPECT_EQ(runner.Run({"function", "list", "libraryname", "LI*"}), "*1\r\n" + library);
  EXPECT_EQ(runner.Run({"function", "list", "libraryname", "x"}), "*0\r\n");
  EXPECT_EQ(runner.Run({"function", "list", "libraryname"}),
            "-ERR library name argument was not given\r\n");
  EXPECT_EQ(runner.Run({"function", "list", "foo"}), "-ERR Unknown argument foo\r\n");
  EXPECT_THAT(runner.Run({"function", "list", "withcode"}), HasSubstr("$12\r\nlibrary_code\r\n"));
}

std::string BulkOf(const std::string& reply) {
  const auto begin = reply.find('\n') + 1;
  return reply.substr(begin, reply.size() - begin - 2);
}

TEST(FunctionCommandsTest, DumpAndRestore) {
  ScriptRunner runner;
  runner.Run({"function", "load", Returning("one", "f", 1)});
  runner.Run({"function", "load", Returning("two", "g", 2)});
  const std::string payload = BulkOf(runner.Run({"function", "dump"}));
  EXPECT_EQ(runner.Run({"function", "restore", payload}), "-ERR Library one already exists\r\n");
  EXPECT_EQ(runner.Run({"function", "restore", payload, "replace"}), "+OK\r\n");
  runner.Run({"function", "flush"});
  runner.Run({"function", "load", Returning("three", "g", 3)});
  EXPECT_EQ(runner.Run({"function", "restore", payload}), "-ERR Function g already exists\r\n");
  EXPECT_EQ(runner.Run({"fcall", "g", "0"}), ":3\r\n");
  EXPECT_EQ(runner.Run({"function", "restore", payload, "flush"}), "+OK\r\n");
  EXPECT_EQ(runner.Run({"fcall", "g", "0"}), ":2\r\n");
  EXPECT_EQ(runner.Run({"fcall", "f", "0"}), ":1\r\n");
  EXPECT_EQ(
      runner.Run({"function", "restore", payload, "foo"}),
      "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.\r\n");
  EXPECT_EQ(runner.Run({"function", "restore", "broken"}),
            "-ERR DUMP payload version or checksum are wrong\r\n");
}

// Intact by its checksum, and still no library.
TEST(FunctionCommandsTest, RestoreOfBrokenPayloads) {
  ScriptRunner runner;
  const auto restore = [&](std::string payload) {
    RdbWriter writer(payload);
    writer.LittleEndian(kRdbVersionRedis70, 2);
    writer.LittleEndian(protocol::Crc64(payload), 8);
    return runner.Run({"function", "restore", payload});
  };
  EXPECT_EQ(restore("\x01\x02"), "-ERR given type is not a function\r\n");
  EXPECT_EQ(restore("\xf5\x3f"), "-ERR Failed loading library payload\r\n");
  EXPECT_EQ(restore("\xf5"), "-ERR Failed loading library payload\r\n");
  EXPECT_EQ(restore("\xf6\x01"), "-ERR Failed loading library payload\r\n");
  EXPECT_EQ(restore(""), "+OK\r\n");
}

TEST(FunctionCommandsTest, StatsCountLibrariesAndFunctions) {
  ScriptRunner runner;
  runner.Run({"function", "load", Returning("one", "f", 1)});
  EXPECT_EQ(runner.Run({"function", "stats"}),
            "*4\r\n$14\r\nrunning_script\r\n$-1\r\n$7\r\nengines\r\n*2\r\n$3\r\nLUA\r\n*4\r\n"
            "$15\r\nlibraries_count\r\n:1\r\n$15\r\nfunctions_count\r\n:1\r\n");
  EXPECT_THAT(runner.Run({"info", "memory"}), HasSubstr("number_of_functions:1\r\n"));
}

}  // namespace
}  // namespace slotway::storage
