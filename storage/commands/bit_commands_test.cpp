// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

constexpr const char* kBadPosition = "-ERR bit offset is not an integer or out of range\r\n";
constexpr const char* kBadBit = "-ERR bit is not an integer or out of range\r\n";
constexpr const char* kNotInteger = "-ERR value is not an integer or out of range\r\n";

TEST(BitCommandsTest, SetAndGet) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"setbit", "k", "7", "1"}, ":0\r\n"},
                     {{"setbit", "k", "7", "0"}, ":1\r\n"},
                     {{"setbit", "k", "17", "1"}, ":0\r\n"},
                     {{"get", "k"}, std::string("$3\r\n\0\0\x40\r\n", 9)},
                     {{"getbit", "k", "17"}, ":1\r\n"},
                     {{"getbit", "k", "100"}, ":0\r\n"},
                     {{"getbit", "absent", "0"}, ":0\r\n"},
                     {{"set", "n", "1"}, kOk},
                     {{"setbit", "n", "6", "1"}, ":0\r\n"},
                     {{"get", "n"}, "$1\r\n3\r\n"},
                     {{"object", "encoding", "n"}, "$3\r\nraw\r\n"},
                     {{"setbit", "k", "-1", "1"}, kBadPosition},
                     {{"setbit", "k", "4294967296", "1"}, kBadPosition},
                     {{"setbit", "k", "#1", "1"}, kBadPosition},
                     {{"setbit", "k", "0", "2"}, kBadBit},
                     {{"setbit", "k", "0", "x"}, kBadBit},
                 }),
            "");
}

TEST(BitCommandsTest, CountAndPosition) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"set", "k", "foobar"}, kOk},
                     {{"bitcount", "k"}, ":26\r\n"},
                     {{"bitcount", "k", "1", "1"}, ":6\r\n"},
                     {{"bitcount", "k", "5", "30", "BIT"}, ":17\r\n"},
                     {{"bitcount", "k", "-2", "-1", "byte"}, ":7\r\n"},
                     {{"bitcount", "k", "-1000", "-2000"}, ":0\r\n"},
                     {{"bitcount", "k", "0"}, kSyntax},
                     {{"bitcount", "absent", "0", "x"}, kNotInteger},
                     {{"bitcount", "absent", "0", "1", "x"}, kSyntax},
                     {{"bitcount", "absent"}, ":0\r\n"},
                     {{"set", "ones", "\xff\xff\xff"}, kOk},
                     {{"bitpos", "ones", "0"}, ":24\r\n"},
                     {{"bitpos", "ones", "0", "0", "-1"}, ":-1\r\n"},
                     {{"bitpos", "ones", "0", "5"}, ":-1\r\n"},
                     {{"bitpos", "ones", "1", "2"}, ":16\r\n"},
                     {{"bitpos", "ones", "1", "7", "15", "bit"}, ":7\r\n"},
                     {{"bitpos", "absent", "0"}, ":0\r\n"},
                     {{"bitpos", "absent", "1"}, ":-1\r\n"},
                     {{"bitpos", "absent", "2"}, "-ERR The bit argument must be 1 or 0.\r\n"},
                     {{"bitpos", "absent", "1", "0", "1", "x"}, kSyntax},
                     {{"bitpos", "absent", "1", "0", "1", "bit", "x"}, kSyntax},
                 }),
            "");
}

TEST(BitCommandsTest, Operations) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"mset", "a", "foobar", "b", "abcdef"}, kOk},
                     {{"bitop", "AND", "d", "a", "b"}, ":6\r\n"},
                     {{"get", "d"}, "$6\r\n`bc`ab\r\n"},
                     {{"bitop", "not", "d", "a"}, ":6\r\n"},
                     {{"bitop", "not", "d", "d"}, ":6\r\n"},
                     {{"get", "d"}, "$6\r\nfoobar\r\n"},
                     {{"bitop", "xor", "d", "a", "a"}, ":6\r\n"},
                     {{"bitop", "xor", "a2", "a", "b"}, ":6\r\n"},
                     {{"bitop", "xor", "a2", "b", "a2"}, ":6\r\n"},
                     {{"get", "a2"}, "$6\r\nfoobar\r\n"},
                     {{"pexpire", "a2", "1000"}, ":1\r\n"},
                     {{"bitop", "xor", "a2", "a2", "a2", "a2"}, ":6\r\n"},
                     {{"get", "a2"}, "$6\r\nfoobar\r\n"},
                     {{"pttl", "a2"}, ":-1\r\n"},
                     {{"bitop", "or", "d", "absent", "no-more"}, ":0\r\n"},
                     {{"exists", "d"}, ":0\r\n"},
                     {{"bitop", "not", "d", "a", "b"},
                      "-ERR BITOP NOT must be called with a single source key.\r\n"},
                     {{"bitop", "nand", "d", "a"}, kSyntax},
                     {{"set", "n", "12"}, kOk},
                     {{"bitop", "or", "d", "n", "n"}, ":2\r\n"},
                     {{"get", "d"}, "$2\r\n12\r\n"},
                 }),
            "");
}

TEST(BitCommandsTest, Fields) {
  CommandRunner runner;
  EXPECT_EQ(
      Play(runner,
           {
               {{"bitfield", "k", "incrby", "i5", "100", "1", "get", "u4", "0"},
                "*2\r\n:1\r\n:0\r\n"},
               {{"bitfield", "k", "set", "u8", "#0", "255", "set", "u8", "0", "1"},
                "*2\r\n:0\r\n:255\r\n"},
               {{"bitfield", "k",  "set",      "u8",   "0",        "255", "overflow", "fail",
                 "incrby",   "u8", "0",        "1",    "overflow", "sat", "incrby",   "u8",
                 "0",        "9",  "overflow", "wrap", "incrby",   "u8",  "0",        "2"},
                "*4\r\n:1\r\n$-1\r\n:255\r\n:1\r\n"},
               {{"strlen", "k"}, ":14\r\n"},
               {{"bitfield", "k"}, "*0\r\n"},
               {{"bitfield_ro", "absent", "get", "i64", "3"}, "*1\r\n:0\r\n"},
               {{"exists", "absent"}, ":0\r\n"},
               {{"bitfield_ro", "k", "set", "u8", "0", "1"},
                "-ERR BITFIELD_RO only supports the GET subcommand\r\n"},
               {{"bitfield", "k", "get", "u64", "0"},
                "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                "supported but i64 is.\r\n"},
               {{"bitfield", "k", "get", "u8", "-1"}, kBadPosition},
               {{"bitfield", "k", "get", "u8", "#4611686018427387904"}, kBadPosition},
               {{"bitfield", "k", "overflow", "x"}, "-ERR Invalid OVERFLOW type specified\r\n"},
               {{"bitfield", "k", "set", "u8", "0"}, kSyntax},
               {{"bitfield", "k", "set", "u8", "0", "x"}, kNotInteger},
           }),
      "");
  runner.SpeakResp3();
  EXPECT_EQ(runner.Run({"bitfield", "k", "overflow", "fail", "set", "u1", "0", "9"}),
            "*1\r\n_\r\n");
}

TEST(BitCommandsTest, WrongType) {
  CommandRunner runner;
  runner.Run({"hset", "h", "f", "v"});
  const std::string wrong =
      "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
  for (const std::vector<std::string>& request :
       std::vector<std::vector<std::string>>{{"setbit", "h", "0", "1"},
                                             {"getbit", "h", "0"},
                                             {"bitcount", "h"},
                                             {"bitpos", "h", "1"},
                                             {"bitop", "or", "d", "absent", "h"},
                                             {"bitfield", "h"},
                                             {"bitfield", "h", "set", "u8", "0", "1"},
                                             {"pfadd", "h", "x"},
                                             {"pfcount", "h"},
                                             {"pfcount", "absent", "h"},
                                             {"pfmerge", "d", "h"}}) {
    EXPECT_EQ(runner.Run(request), wrong) << request[0];
  }
  EXPECT_EQ(runner.Run({"exists", "d"}), ":0\r\n");
}

}  // namespace
}  // namespace slotway::storage
