// SPDX-License-Identifier: Apache-2.0
// Writes one JSON value piece by piece; commas come by themselves.
//
//   JsonWriter json;
//   json.BeginObject().Key("name").Text(name).Key("sizes").BeginArray().Number(1).EndArray();
//   json.EndObject();
//
// What is begun has to be ended. Any thread, one at a time.
#pragma once

#include <cmath>
#include <concepts>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/json_text.h"

namespace slotway::runtime {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  // REQUIRES: within an object; a value follows.
  JsonWriter& Key(std::string_view name) {
    Separate();
    AppendJson(text_, name);
    text_ += ':';
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& Text(std::string_view value) {
    Separate();
    AppendJson(text_, value);
    return *this;
  }
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  JsonWriter& Number(Integer value) {
    return Raw(fmt::format("{}", value));
  }
  JsonWriter& Number(double value) {
    return std::isfinite(value) ? Raw(fmt::format("{}", value)) : Null();
  }
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }
  // A value that is JSON already.
  JsonWriter& Raw(std::string_view value) {
    Separate();
    text_ += value;
    return *this;
  }

  std::string Take() { return std::exchange(text_, {}); }

 private:
  void Separate() {
    if (std::exchange(needs_comma_, true)) text_ += ',';
  }
  JsonWriter& Open(char bracket) {
    Separate();
    text_ += bracket;
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& Close(char bracket) {
    text_ += bracket;
    needs_comma_ = true;
    return *this;
  }

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace slotway::runtime
