// SPDX-License-Identifier: Apache-2.0
#include "protocol/shared_record.h"

#include <charconv>

#include "protocol/crc64.h"

namespace slotway::protocol {
namespace {

constexpr std::string_view kPrefix = "slotway_users_";
constexpr std::string_view kHead = "#!lua name=";
constexpr std::size_t kVersionDigits = 20;  // of 2^64 - 1
constexpr std::size_t kDigestDigits = 16;
constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string Padded(std::string digits, std::size_t width) {
  return std::string(width - digits.size(), '0') + digits;
}

std::string Hexadecimal(std::uint64_t value) {
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4) digits.push_back(kHexDigits[value >> shift & 15]);
  return digits;
}

std::string FunctionName(const RecordMark& mark) {
  return RecordLibraryName(mark.version) + "_" + Hexadecimal(mark.digest);
}

bool ReadWhole(std::string_view digits, int base, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  return error == std::errc() && end == digits.data() + digits.size();
}

std::optional<RecordMark> ReadFunctionName(std::string_view name) {
  if (name.size() != kPrefix.size() + kVersionDigits + 1 + kDigestDigits) return std::nullopt;
  RecordMark mark;
  if (!name.starts_with(kPrefix) ||
      !ReadWhole(name.substr(kPrefix.size(), kVersionDigits), 10, mark.version) ||
      !ReadWhole(name.substr(name.size() - kDigestDigits), 16, mark.digest) ||
      FunctionName(mark) != name) {
    return std::nullopt;
  }
  return mark;
}

// The mark of a library that is a record.
std::optional<RecordMark> MarkOfLibrary(const RespValue& library) {
  const RespValue* name = LibraryField(library, "library_name");
  const RespValue* functions = LibraryField(library, "functions");
  if (name == nullptr || functions == nullptr || functions->elements.size() != 1) {
    return std::nullopt;
  }
  const RespValue* function = LibraryField(functions->elements[0], "name");
  const auto mark = function != nullptr ? ReadFunctionName(function->text) : std::nullopt;
  return mark && RecordLibraryName(mark->version) == name->text ? mark : std::nullopt;
}

std::optional<std::string> TextIn(std::string_view code) {
  const std::size_t begin = code.find("\n--");
  if (begin == code.npos) return std::nullopt;
  std::string_view digits = code.substr(begin + 3);
  digits = digits.substr(0, digits.find('\n'));
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const std::size_t high = kHexDigits.find(digits[i]), low = kHexDigits.find(digits[i + 1]);
    if (high == kHexDigits.npos || low == kHexDigits.npos) return std::nullopt;
    text.push_back(static_cast<char>(high << 4 | low));
  }
  return text;
}

}  // namespace

bool IsRecordName(std::string_view name) { return name.starts_with(kPrefix); }

bool IsRecordLibrary(std::string_view code) {
  return code.starts_with(kHead) && IsRecordName(code.substr(kHead.size()));
}

RecordMark MarkOf(std::uint64_t version, std::string_view text) { return {version, Crc64(text)}; }

std::string RecordLibraryName(std::uint64_t version) {
  return std::string(kPrefix) + Padded(std::to_string(version), kVersionDigits);
}

std::string RecordLibrary(std::uint64_t version, std::string_view text) {
  std::string code = std::string(kHead) + RecordLibraryName(version) + "\n--";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    code.push_back(kHexDigits[byte >> 4]);
    code.push_back(kHexDigits[byte & 15]);
  }
  return code + "\nredis.register_function('" + FunctionName(MarkOf(version, text)) +
         "', function() end)\n";
}

std::vector<RecordMark> RecordsIn(const RespValue& function_list) {
  std::vector<RecordMark> marks;
  for (const RespValue& library : function_list.elements) {
    if (const auto mark = MarkOfLibrary(library)) marks.push_back(*mark);
  }
  return marks;
}

std::optional<std::string> RecordTextIn(const RespValue& function_list, const RecordMark& mark) {
  for (const RespValue& library : function_list.elements) {
    if (MarkOfLibrary(library) != mark) continue;
    const RespValue* code = LibraryField(library, "library_code");
    auto text = code != nullptr ? TextIn(code->text) : std::nullopt;
    return text && MarkOf(mark.version, *text) == mark ? text : std::nullopt;
  }
  return std::nullopt;
}

const RespValue* LibraryField(const RespValue& library, std::string_view name) {
  for (std::size_t i = 0; i + 1 < library.elements.size(); i += 2) {
    if (library.elements[i].text == name) return &library.elements[i + 1];
  }
  return nullptr;
}

}  // namespace slotway::protocol
