// SPDX-License-Identifier: Apache-2.0
// Input: a reply. What is read, written again in RESP3, is read as the same value.
#include <cmath>
#include <string>

#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"
#include "tests/fuzz/fuzz_check.h"

namespace slotway::protocol {
namespace {

using Kind = RespValue::Kind;

void Write(const RespValue& value, RespWriter<StringSink>& writer, StringSink& sink) {
  switch (value.kind) {
    case Kind::kNull:
      return writer.Null();
    case Kind::kSimpleString:
      return writer.SimpleString(value.text);
    case Kind::kError:
      sink.Append("!" + std::to_string(value.text.size()) + "\r\n");
      sink.Append(value.text);
      return sink.Append("\r\n");
    case Kind::kInteger:
      return writer.Integer(value.integer);
    case Kind::kBulk:
      return writer.Bulk(value.text);
    case Kind::kDouble:
      return writer.Double(value.number);
    case Kind::kBoolean:
      return writer.Boolean(value.integer != 0);
    case Kind::kBigNumber:
      return sink.Append("(" + value.text + "\r\n");
    case Kind::kVerbatim:
      return writer.Verbatim("txt", value.text);
    case Kind::kArray:
      writer.Array(value.elements.size());
      break;
    case Kind::kMap:
      writer.Map(value.elements.size() / 2);
      break;
    case Kind::kSet:
      writer.Set(value.elements.size());
      break;
    case Kind::kPush:
      writer.Push(value.elements.size());
      break;
  }
  for (const RespValue& element : value.elements) Write(element, writer, sink);
}

bool IsSame(const RespValue& a, const RespValue& b) {
  if (a.kind != b.kind || a.integer != b.integer || a.text != b.text ||
      a.elements.size() != b.elements.size()) {
    return false;
  }
  if (a.number != b.number && !(std::isnan(a.number) && std::isnan(b.number))) return false;
  for (std::size_t i = 0; i < a.elements.size(); ++i) {
    if (!IsSame(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

}  // namespace
}  // namespace slotway::protocol

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotway;
  const auto value = protocol::ParseRespValue(fuzz::AsText(data, size));
  if (!value) return 0;
  std::string text;
  protocol::StringSink sink{text};
  protocol::RespWriter<protocol::StringSink> writer(sink, protocol::RespVersion::kResp3);
  protocol::Write(*value, writer, sink);
  const auto again = protocol::ParseRespValue(text);
  FUZZ_CHECK(again.has_value());
  FUZZ_CHECK(protocol::IsSame(*value, *again));
  return 0;
}
