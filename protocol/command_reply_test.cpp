// SPDX-License-Identifier: Apache-2.0
//
// The bytes are those that redis-server 7.0.15 sends, but for summaries and notes, which are ours,
// and where 7.2 differs.
#include "protocol/command_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/command_table.h"

namespace slotway::protocol {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string Ask(const std::string& request, RespVersion version = RespVersion::kResp2) {
  std::istringstream in(request);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  std::vector<std::string_view> args(words.begin(), words.end());
  std::string out;
  AppendCommandReply(args, version, out);
  return out;
}

// "a b" with a blank for each CRLF, so that golden replies are readable.
std::string Wire(const std::string& text) {
  std::string wire;
  for (char c : text) wire += c == ' ' ? std::string("\r\n") : std::string(1, c);
  return wire + "\r\n";
}

TEST(CommandReply, InfoOfGet) {
  EXPECT_EQ(Ask("COMMAND INFO get"),
            Wire("*1 *10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 "
                 "$5 flags *2 +RO +access $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index "
                 ":1 $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 "
                 "limit :0 *0"));
  EXPECT_EQ(Ask("command info GET", RespVersion::kResp3),
            Wire("*1 *10 $3 get :2 ~2 +readonly +fast :1 :1 :1 ~3 +@read +@string +@fast ~0 ~1 %3 "
                 "$5 flags ~2 +RO +access $12 begin_search %2 $4 type $5 index $4 spec %1 $5 index "
                 ":1 $9 find_keys %2 $4 type $5 range $4 spec %3 $7 lastkey :0 $7 keystep :1 $5 "
                 "limit :0 ~0"));
}

TEST(CommandReply, InfoOfSubcommandsAndStrangers) {
  EXPECT_EQ(Ask("COMMAND INFO nope config|get"),
            Wire("*2 $-1 *10 $10 config|get :-3 *4 +admin +noscript +loading +stale :0 :0 :0 *3 "
                 "+@admin +@slow +@dangerous *0 *0 *0"));
  EXPECT_EQ(Ask("COMMAND INFO config|nope"), Wire("*1 $-1"));
  EXPECT_EQ(Ask("COMMAND INFO nope", RespVersion::kResp3), Wire("*1 _"));
}

TEST(CommandReply, InfoShowsTipsKeywordsCountsAndSubcommands) {
  EXPECT_THAT(Ask("COMMAND INFO mset"),
              HasSubstr(Wire("*2 $26 request_policy:multi_shard $29 response_policy:all_succeeded "
                             "*1")));
  EXPECT_THAT(Ask("COMMAND INFO dbsize"),
              HasSubstr(Wire("*2 $25 request_policy:all_shards $23 response_policy:agg_sum *0")));
  EXPECT_THAT(Ask("COMMAND INFO xread"),
              HasSubstr(Wire("$7 keyword $4 spec *4 $7 keyword $7 STREAMS $9 startfrom :1")));
  EXPECT_THAT(Ask("COMMAND INFO zunion"),
              HasSubstr(Wire("$6 keynum $4 spec *6 $9 keynumidx :0 $8 firstkey :1 $7 keystep :1")));
  EXPECT_THAT(Ask("COMMAND INFO sort", RespVersion::kResp3),
              HasSubstr(Wire("$12 begin_search %2 $4 type $7 unknown $4 spec %0 $9 find_keys %2 $4 "
                             "type $7 unknown $4 spec %0 ~0")));
  EXPECT_THAT(Ask("COMMAND INFO object", RespVersion::kResp3),
              HasSubstr(Wire("~1 +@slow ~0 ~0 *5 *10 $15 object|encoding :3")));
}

TEST(CommandReply, CountAndWholeTable) {
  std::string count = std::to_string(TopLevelCommands().size());
  EXPECT_EQ(Ask("COMMAND COUNT"), Wire(":" + count));
  EXPECT_THAT(Ask("COMMAND"), StartsWith(Wire("*" + count + " *10 $3 acl :-2 *0 :0 :0 :0")));
  EXPECT_EQ(Ask("COMMAND"), Ask("COMMAND INFO"));
  EXPECT_THAT(Ask("COMMAND LIST"),
              StartsWith(Wire("*" + std::to_string(CommandCount()) + " $3 acl $7 acl|cat")));
}

TEST(CommandReply, Docs) {
  std::string summary(FindCommand("get")->summary);
  std::string fields = "$7\r\nsummary\r\n$" + std::to_string(summary.size()) + "\r\n" + summary +
                       "\r\n" + Wire("$5 since $5 1.0.0 $5 group $6 string");
  EXPECT_EQ(Ask("COMMAND DOCS get"), Wire("*2 $3 get *6") + fields);
  EXPECT_EQ(Ask("COMMAND DOCS get", RespVersion::kResp3), Wire("%1 $3 get %3") + fields);
  EXPECT_EQ(Ask("COMMAND DOCS nope"), Wire("*0"));
  EXPECT_EQ(Ask("COMMAND DOCS nope", RespVersion::kResp3), Wire("%0"));
  EXPECT_THAT(Ask("COMMAND DOCS config|get"), StartsWith(Wire("*2 $10 config|get *6")));
  EXPECT_THAT(Ask("COMMAND DOCS object", RespVersion::kResp3),
              HasSubstr(Wire("$11 subcommands %5 $15 object|encoding %3 $7 summary")));
  std::string count = std::to_string(TopLevelCommands().size());
  EXPECT_THAT(Ask("COMMAND DOCS", RespVersion::kResp3), StartsWith(Wire("%" + count + " $3 acl")));
}

TEST(CommandReply, ListFilters) {
  EXPECT_EQ(Ask("COMMAND LIST FILTERBY PATTERN XR*e*"), Wire("*4 $6 xrange $5 xread $10 xreadgroup "
                                                             "$9 xrevrange"));
  EXPECT_EQ(Ask("COMMAND LIST FILTERBY PATTERN config|g*"), Wire("*1 $10 config|get"));
  EXPECT_THAT(Ask("command list filterby aclcat GEO"),
              StartsWith(Wire("*10 $6 geoadd $7 geodist")));
  EXPECT_EQ(Ask("COMMAND LIST FILTERBY ACLCAT nope"), Wire("*0"));
  EXPECT_EQ(Ask("COMMAND LIST FILTERBY MODULE nope"), Wire("*0"));
  for (const char* request :
       {"COMMAND LIST FILTERBY", "COMMAND LIST a", "COMMAND LIST FILTERBY MODULE",
        "COMMAND LIST FILTERBY nope a", "COMMAND LIST FILTERBY MODULE a b"}) {
    EXPECT_EQ(Ask(request), "-ERR syntax error\r\n") << request;
  }
}

TEST(CommandReply, GetKeys) {
  EXPECT_EQ(Ask("COMMAND GETKEYS mset a 1 b 2"), Wire("*2 $1 a $1 b"));
  EXPECT_EQ(Ask("COMMAND GETKEYS object encoding k"), Wire("*1 $1 k"));
  EXPECT_EQ(Ask("COMMAND GETKEYS eval s 0"), Wire("*0"));
  EXPECT_EQ(Ask("COMMAND GETKEYSANDFLAGS set k v"), Wire("*1 *2 $1 k *2 +OW +update"));
  EXPECT_EQ(Ask("COMMAND GETKEYSANDFLAGS set k v", RespVersion::kResp3),
            Wire("*1 *2 $1 k ~2 +OW +update"));
}

TEST(CommandReply, GetKeysErrors) {
  struct Case {
    const char* request;
    const char* error;
  };
  constexpr Case kCases[] = {
      {"COMMAND GETKEYS nope x", "-ERR Invalid command specified\r\n"},
      {"COMMAND GETKEYS object nope k", "-ERR Invalid command specified\r\n"},
      {"COMMAND GETKEYS command nope", "-ERR Invalid command specified\r\n"},
      {"COMMAND GETKEYS pfmerge d", "-ERR Invalid arguments specified for command\r\n"},
      {"COMMAND GETKEYS ping x", "-ERR The command has no key arguments\r\n"},
      {"COMMAND GETKEYS config", "-ERR The command has no key arguments\r\n"},
      {"COMMAND GETKEYS spublish a b", "-ERR The command has no key arguments\r\n"},
      {"COMMAND GETKEYSANDFLAGS config get x", "-ERR The command has no key arguments\r\n"},
      {"COMMAND GETKEYS get", "-ERR Invalid number of arguments specified for command\r\n"},
      {"COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command\r\n"},
      {"COMMAND GETKEYS zunion x 1", "-ERR Invalid arguments specified for command\r\n"},
      {"COMMAND GETKEYS", "-ERR wrong number of arguments for 'command|getkeys' command\r\n"},
      {"COMMAND COUNT x", "-ERR wrong number of arguments for 'command|count' command\r\n"},
      {"COMMAND FOO", "-ERR unknown subcommand 'FOO'. Try COMMAND HELP.\r\n"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Ask(c.request), c.error) << c.request;
}

TEST(CommandReply, HelpNamesEverySubcommand) {
  std::string help = Ask("COMMAND HELP");
  EXPECT_THAT(help, HasSubstr("+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
  for (const char* name : {"COUNT", "LIST", "INFO", "DOCS", "GETKEYS", "GETKEYSANDFLAGS", "HELP"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\r\n+") + name));
  }
}

}  // namespace
}  // namespace slotway::protocol
