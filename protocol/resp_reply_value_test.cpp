// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_reply_value.h"

#include <cmath>
#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

using Kind = RespValue::Kind;

// A value as text, for comparison.
std::string Show(const RespValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kSimpleString:
      return "+" + value.text;
    case Kind::kError:
      return "-" + value.text;
    case Kind::kBulk:
      return "'" + value.text + "'";
    case Kind::kBigNumber:
      return "big " + value.text;
    case Kind::kVerbatim:
      return "verbatim '" + value.text + "'";
    case Kind::kInteger:
      return std::to_string(value.integer);
    case Kind::kBoolean:
      return value.integer != 0 ? "true" : "false";
    case Kind::kDouble:
      return "double " + std::to_string(value.number);
    default:
      break;
  }
  std::string text = value.kind == Kind::kArray ? "["
                     : value.kind == Kind::kMap ? "map["
                     : value.kind == Kind::kSet ? "set["
                                                : "push[";
  for (const RespValue& element : value.elements) text += " " + Show(element);
  return text + " ]";
}

std::string Parsed(std::string_view reply) {
  auto value = ParseRespValue(reply);
  return value ? Show(*value) : "error: " + value.error();
}

TEST(RespReplyValue, ReadsEveryType) {
  const std::pair<std::string_view, std::string> cases[] = {
      {"+OK\r\n", "+OK"},
      {"-ERR x\r\n", "-ERR x"},
      {":-12\r\n", "-12"},
      {"$5\r\nhello\r\n", "'hello'"},
      {"$2\r\n\r\n\r\n", "'\r\n'"},
      {"$0\r\n\r\n", "''"},
      {"$-1\r\n", "null"},
      {"*-1\r\n", "null"},
      {"_\r\n", "null"},
      {"*0\r\n", "[ ]"},
      {"*3\r\n:1\r\n*1\r\n$1\r\na\r\n_\r\n", "[ 1 [ 'a' ] null ]"},
      {"%1\r\n+a\r\n:1\r\n", "map[ +a 1 ]"},
      {"~1\r\n:1\r\n", "set[ 1 ]"},
      {">1\r\n:1\r\n", "push[ 1 ]"},
      {",1.5\r\n", "double 1.500000"},
      {",inf\r\n", "double inf"},
      {",-inf\r\n", "double -inf"},
      {",10\r\n", "double 10.000000"},
      {"#t\r\n", "true"},
      {"#f\r\n", "false"},
      {"(123456789012345678901234567890\r\n", "big 123456789012345678901234567890"},
      {"!5\r\nERR x\r\n", "-ERR x"},
      {"=6\r\ntxt:hi\r\n", "verbatim 'hi'"},
      {"|1\r\n+ttl\r\n:5\r\n:1\r\n", "1"},
      {"*1\r\n|1\r\n+ttl\r\n:5\r\n:1\r\n", "[ 1 ]"},
  };
  for (const auto& [reply, text] : cases) {
    EXPECT_EQ(Parsed(reply), text);
    for (std::size_t cut = 0; cut < reply.size(); ++cut) {
      EXPECT_FALSE(ParseRespValue(reply.substr(0, cut)).has_value()) << reply << " cut at " << cut;
    }
  }
  EXPECT_TRUE(std::isnan(ParseRespValue(",nan\r\n")->number));
}

TEST(RespReplyValue, RefusesWhatIsMalformed) {
  for (std::string_view reply : {"",
                                 "\r\n",
                                 "x\r\n",
                                 "+OK\r\n+OK\r\n",
                                 ":x\r\n",
                                 ":\r\n",
                                 ":99999999999999999999\r\n",
                                 "$x\r\n",
                                 "$-2\r\n",
                                 "$1\r\nabc\r\n",
                                 "$9223372036854775807\r\na\r\n",
                                 "*-2\r\n",
                                 "*9223372036854775807\r\n",
                                 "%9223372036854775807\r\n:1\r\n:1\r\n",
                                 "*1\r\nx\r\n",
                                 "#x\r\n",
                                 "#\r\n",
                                 ",x\r\n",
                                 ",\r\n",
                                 "_x\r\n",
                                 "=3\r\nabc\r\n",
                                 "=4\r\nabcd\r\n",
                                 "|-1\r\n",
                                 "|-1\r\n+OK\r\n"}) {
    EXPECT_FALSE(ParseRespValue(reply).has_value()) << reply;
  }
}

TEST(RespReplyValue, LimitsDepth) {
  std::string deep;
  for (int i = 0; i < 31; ++i) deep += "*1\r\n";
  EXPECT_TRUE(ParseRespValue(deep + ":1\r\n").has_value());
  EXPECT_FALSE(ParseRespValue(deep + "*1\r\n:1\r\n").has_value());
  std::string attributes;
  for (int i = 0; i < 100000; ++i) attributes += "|0\r\n";
  EXPECT_FALSE(ParseRespValue(attributes + ":1\r\n").has_value());
}

}  // namespace
}  // namespace slotway::protocol
