// SPDX-License-Identifier: Apache-2.0
#include "protocol/hello_reply.h"

#include <charconv>
#include <string>

#include "protocol/resp_reply_value.h"

namespace slotway::protocol {
namespace {

// The text behind the field; empty if there is none.
std::string FieldOf(std::string_view hello_reply, std::string_view name) {
  auto reply = ParseRespValue(hello_reply);
  if (!reply) return {};
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2) {
    if (reply->elements[i].text == name) return reply->elements[i + 1].text;
  }
  return {};
}

}  // namespace

DoubleStyle DoubleStyleOf(std::string_view hello_reply) {
  if (hello_reply.empty()) return DoubleStyle::kShortest;
  const std::string version = FieldOf(hello_reply, "version");
  const char* const end = version.data() + version.size();
  int major = 0;
  int minor = 0;
  const auto [point, error] = std::from_chars(version.data(), end, major);
  if (error != std::errc() || point == end || *point != '.') return DoubleStyle::kShortest;
  std::from_chars(point + 1, end, minor);
  const bool is_before_7_2 = major < 7 || (major == 7 && minor < 2);
  return is_before_7_2 ? DoubleStyle::kSeventeenDigits : DoubleStyle::kShortest;
}

}  // namespace slotway::protocol
