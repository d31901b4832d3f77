// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_writer.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

namespace slotway::protocol {
namespace {

std::string Format(double value) {
  char buffer[32];
  return std::string(FormatDouble(value, std::span<char, 32>(buffer)));
}

TEST(RespWriter, FormatsDoublesAsRedis72) {
  const std::pair<double, std::string> cases[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {3, "3"},
      {-3, "-3"},
      {0.1, "0.1"},
      {-1.5, "-1.5"},
      {3.141592653589793, "3.141592653589793"},
      {12345678.125, "12345678.125"},
      {1e17, "100000000000000000"},
      {4611686018427387904.0, "4611686018427387904"},
      {9223372036854775808.0, "9223372036854776000"},
      {1e21, "1e+21"},
      {3.5e20, "3.5e+20"},
      {1e-6, "0.000001"},
      {1.5e-6, "1.5e-6"},
      {1.5e-5, "0.000015"},
      {123456.1234567, "1.234561234567e+5"},
      {1234.1234567, "1234.1234567"},
      {0.0012345678901, "0.0012345678901"},
      {1e-7, "1e-7"},
      {1.234e-7, "1.234e-7"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {-2.2250738585072014e-308, "-2.2250738585072014e-308"},
      {-1234.0000000000005, "-1234.0000000000005"},
      {0.00012345678901234567, "1.2345678901234567e-4"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(Format(value), text);
  }
}

TEST(RespWriter, FormatsDoublesAsRedis70) {
  const std::pair<double, std::string> cases[] = {
      {3, "3"},        {0.1, "0.10000000000000001"},  {5e17, "5e+17"},
      {-0.0, "-0"},    {61.35, "61.350000000000001"}, {1e16, "10000000000000000"},
      {1e-10, "1e-10"}};
  char buffer[32];
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(FormatDouble(value, std::span<char, 32>(buffer), DoubleStyle::kSeventeenDigits),
              text);
  }
}

TEST(RespWriter, DoublesReadBack) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200000; ++i) {
    double value = std::bit_cast<double>(random());
    if (i % 2 == 0) value = static_cast<double>(static_cast<std::int64_t>(random() >> 24)) / 1e6;
    if (!std::isfinite(value)) continue;
    const std::string text = Format(value);
    double back = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(end, text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << text;
  }
}

using Write = void (*)(RespWriter<StringSink>&);

TEST(RespWriter, WritesBothVersions) {
  struct Case {
    Write write;
    std::string resp2;
    std::string resp3;
  };
  using Writer = RespWriter<StringSink>;
  const Case cases[] = {
      {[](Writer& w) { w.Ok(); }, "+OK\r\n", "+OK\r\n"},
      {[](Writer& w) { w.SimpleString("PONG"); }, "+PONG\r\n", "+PONG\r\n"},
      {[](Writer& w) { w.Error("ERR a\r\nb"); }, "-ERR a  b\r\n", "-ERR a  b\r\n"},
      {[](Writer& w) { w.Integer(std::numeric_limits<std::int64_t>::min()); },
       ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
      {[](Writer& w) { w.Bulk(std::string_view("a\0b", 3)); }, std::string("$3\r\na\0b\r\n", 9),
       std::string("$3\r\na\0b\r\n", 9)},
      {[](Writer& w) { w.Bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {[](Writer& w) { w.BulkInteger(-42); }, "$3\r\n-42\r\n", "$3\r\n-42\r\n"},
      {[](Writer& w) { w.Null(); }, "$-1\r\n", "_\r\n"},
      {[](Writer& w) { w.NullArray(); }, "*-1\r\n", "_\r\n"},
      {[](Writer& w) { w.Array(2); }, "*2\r\n", "*2\r\n"},
      {[](Writer& w) { w.Set(2); }, "*2\r\n", "~2\r\n"},
      {[](Writer& w) { w.Map(2); }, "*4\r\n", "%2\r\n"},
      {[](Writer& w) { w.Push(2); }, "*2\r\n", ">2\r\n"},
      {[](Writer& w) { w.Boolean(true); }, ":1\r\n", "#t\r\n"},
      {[](Writer& w) { w.Boolean(false); }, ":0\r\n", "#f\r\n"},
      {[](Writer& w) { w.Double(1.5); }, "$3\r\n1.5\r\n", ",1.5\r\n"},
      {[](Writer& w) { w.Verbatim("txt", "hi"); }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
  };
  for (const Case& test : cases) {
    std::string out2;
    std::string out3;
    StringSink sink2{out2};
    StringSink sink3{out3};
    Writer writer2(sink2, RespVersion::kResp2);
    Writer writer3(sink3, RespVersion::kResp3);
    test.write(writer2);
    test.write(writer3);
    EXPECT_EQ(out2, test.resp2);
    EXPECT_EQ(out3, test.resp3);
  }
}

TEST(RespWriter, WritesRequests) {
  std::string out;
  StringSink sink{out};
  const std::vector<std::string_view> args = {"SET", "k", ""};
  WriteRequest(sink, std::span<const std::string_view>(args));
  EXPECT_EQ(out, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
}

}  // namespace
}  // namespace slotway::protocol
