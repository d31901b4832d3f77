// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_reply_value.h"

#include <charconv>
#include <utility>

namespace slotway::protocol {
namespace {

constexpr int kDepthMax = 32;
// The shortest element, "_\r\n": no count can announce more elements than bytes left / 3.
constexpr std::int64_t kElementBytesMin = 3;

constexpr std::size_t kLengthDigitsMax = 32;

using Kind = RespValue::Kind;
using Result = tl::expected<RespValue, std::string>;

class Reader {
 public:
  explicit Reader(std::string_view input) : rest_(input) {}

  bool AtEnd() const { return rest_.empty(); }

  Result Value(int depth) {
    if (depth > kDepthMax) return Error("reply is nested too deep");
    auto line = Line();
    if (!line) return tl::unexpected(std::move(line.error()));
    if (line->empty()) return Error("reply starts with an empty line");
    const std::string_view text = line->substr(1);
    switch (line->front()) {
      case '+':
        return Text(Kind::kSimpleString, text);
      case '-':
        return Text(Kind::kError, text);
      case '(':
        return Text(Kind::kBigNumber, text);
      case ':':
        return Integer(text);
      case '$':
        return Bulk(Kind::kBulk, text);
      case '!':
        return Bulk(Kind::kError, text);
      case '=':
        return Bulk(Kind::kVerbatim, text);
      case '*':
        return Aggregate(Kind::kArray, 1, text, depth);
      case '~':
        return Aggregate(Kind::kSet, 1, text, depth);
      case '>':
        return Aggregate(Kind::kPush, 1, text, depth);
      case '%':
        return Aggregate(Kind::kMap, 2, text, depth);
      case '|': {
        auto attribute = Aggregate(Kind::kMap, 2, text, depth);
        if (!attribute) return attribute;
        if (attribute->kind == Kind::kNull) return Error("attribute without pairs");
        return Value(depth + 1);
      }
      case '_':
        return text.empty() ? Result(RespValue{}) : Error("null with a text");
      case '#':
        return Boolean(text);
      case ',':
        return Double(text);
      default:
        return Error("unknown reply type");
    }
  }

 private:
  static Result Error(std::string_view what) { return tl::unexpected(std::string(what)); }

  static Result Text(Kind kind, std::string_view text) {
    RespValue value;
    value.kind = kind;
    value.text = text;
    return value;
  }

  static bool ParseInteger(std::string_view text, std::int64_t& value) {
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stop == end;
  }

  // A length or count: "-1" or digits only, as RespReplyScanner takes them.
  static bool ParseLength(std::string_view text, std::int64_t& value) {
    if (text == "-1") {
      value = -1;
      return true;
    }
    if (text.empty() || text[0] < '0' || text[0] > '9' || text.size() > kLengthDigitsMax) {
      return false;
    }
    return ParseInteger(text, value);
  }

  static Result Integer(std::string_view text) {
    RespValue value;
    value.kind = Kind::kInteger;
    if (!ParseInteger(text, value.integer)) return Error("integer reply is no integer");
    return value;
  }

  static Result Boolean(std::string_view text) {
    if (text != "t" && text != "f") return Error("boolean reply is neither t nor f");
    RespValue value;
    value.kind = Kind::kBoolean;
    value.integer = text == "t" ? 1 : 0;
    return value;
  }

  static Result Double(std::string_view text) {
    RespValue value;
    value.kind = Kind::kDouble;
    if (text.starts_with('+')) text.remove_prefix(1);
    const char* end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, value.number);
    if (error == std::errc::invalid_argument || stop != end) return Error("double is no number");
    return value;
  }

  tl::expected<std::string_view, std::string> Line() {
    const std::size_t end = rest_.find("\r\n");
    if (end == std::string_view::npos) return tl::unexpected(std::string("reply is cut short"));
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return line;
  }

  Result Bulk(Kind kind, std::string_view length_text) {
    std::int64_t length = 0;
    if (!ParseLength(length_text, length)) return Error("invalid bulk length");
    if (length == -1) return RespValue{};
    const auto bytes = static_cast<std::uint64_t>(length);
    if (rest_.size() < 2 || bytes > rest_.size() - 2) return Error("bulk is cut short");
    std::string_view text = rest_.substr(0, bytes);
    if (rest_.substr(bytes, 2) != "\r\n") return Error("bulk does not end where announced");
    rest_.remove_prefix(bytes + 2);
    if (kind == Kind::kVerbatim) {
      if (text.size() < 4 || text[3] != ':') return Error("verbatim text without a format");
      text.remove_prefix(4);
    }
    return Text(kind, text);
  }

  Result Aggregate(Kind kind, std::int64_t values_each, std::string_view count_text, int depth) {
    std::int64_t count = 0;
    if (!ParseLength(count_text, count)) return Error("invalid element count");
    if (count == -1) return RespValue{};
    if (count > static_cast<std::int64_t>(rest_.size()) / (kElementBytesMin * values_each)) {
      return Error("aggregate is cut short");
    }
    RespValue value;
    value.kind = kind;
    for (std::int64_t i = 0; i < count * values_each; ++i) {
      auto element = Value(depth + 1);
      if (!element) return element;
      value.elements.push_back(std::move(*element));
    }
    return value;
  }

  std::string_view rest_;
};

}  // namespace

tl::expected<RespValue, std::string> ParseRespValue(std::string_view reply) {
  Reader reader(reply);
  auto value = reader.Value(1);
  if (value && !reader.AtEnd()) return tl::unexpected(std::string("bytes behind the reply"));
  return value;
}

}  // namespace slotway::protocol
