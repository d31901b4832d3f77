// SPDX-License-Identifier: Apache-2.0
// A reply as a tree, for the few that are looked into: topology answers, joins of fan-outs, tools.
//
// Built from a complete reply (RespReplyScanner found its end). Not for the hot path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace slotway::protocol {

struct RespValue {
  enum class Kind : std::uint8_t {
    kNull,
    kSimpleString,
    kError,
    kInteger,
    kBulk,
    kArray,
    kMap,
    kSet,
    kPush,
    kDouble,
    kBoolean,
    kBigNumber,
    kVerbatim,
  };
  Kind kind = Kind::kNull;
  std::int64_t integer = 0;         // kInteger, kBoolean (0, 1)
  double number = 0;                // kDouble
  std::string text;                 // strings, errors without '-', big numbers, verbatim text
  std::vector<RespValue> elements;  // aggregates; a map alternates key and value

  bool IsError() const { return kind == Kind::kError; }
  bool IsText() const {
    return kind == Kind::kSimpleString || kind == Kind::kBulk || kind == Kind::kVerbatim;
  }
};

// Reads one complete reply; the error says what is wrong. Depth is limited to 32.
tl::expected<RespValue, std::string> ParseRespValue(std::string_view reply);

}  // namespace slotway::protocol
