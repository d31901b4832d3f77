// SPDX-License-Identifier: Apache-2.0
#include "protocol/function_dump.h"

#include "protocol/ascii.h"
#include "protocol/crc64.h"
#include "protocol/rdb_reader.h"
#include "protocol/resp_request_parser.h"

namespace slotway::protocol {
namespace {

constexpr std::uint8_t kLibraryOpcode = 245;
constexpr std::uint64_t kVersionWritten = 10;  // Redis 7.0's
constexpr std::uint64_t kVersionReadMax = 11;
constexpr std::size_t kChecksumBytes = 8, kFooterBytes = 10;

void AppendBytes(std::uint64_t value, int bytes, bool is_big_endian, std::string& out) {
  for (int i = 0; i < bytes; ++i) {
    const int shift = 8 * (is_big_endian ? bytes - 1 - i : i);
    out.push_back(static_cast<char>(value >> shift));
  }
}

}  // namespace

std::string WriteFunctionDump(std::span<const std::string> codes) {
  std::string payload;
  for (const std::string& code : codes) {
    payload.push_back(static_cast<char>(kLibraryOpcode));
    payload.push_back(static_cast<char>(kRdbLength64));
    AppendBytes(code.size(), 8, true, payload);
    payload.append(code);
  }
  AppendBytes(kVersionWritten, 2, false, payload);
  AppendBytes(Crc64(payload), 8, false, payload);
  return payload;
}

std::optional<std::vector<std::string>> ReadFunctionDump(std::string_view payload) {
  if (payload.size() < kFooterBytes) return std::nullopt;
  RdbReader footer(payload.substr(payload.size() - kFooterBytes));
  if (footer.LittleEndian(2) > kVersionReadMax ||
      footer.LittleEndian(8) != Crc64(payload.substr(0, payload.size() - kChecksumBytes))) {
    return std::nullopt;
  }
  std::vector<std::string> codes;
  RdbReader reader(payload.substr(0, payload.size() - kFooterBytes));
  while (!reader.AtEnd()) {
    if (reader.Byte() != kLibraryOpcode) return std::nullopt;
    reader.String(codes.emplace_back());
    if (!reader.Ok()) return std::nullopt;
  }
  return codes;
}

std::string NameOfLibrary(std::string_view code) {
  constexpr std::string_view kNameIs = "name=";
  if (!code.starts_with("#!")) return {};
  // Redis splits the line as it does an inline request, however long it is.
  std::string line(code.substr(0, code.find('\n')));
  line.push_back('\n');
  RespRequestParser parser;
  parser.SetLimits({.inline_bytes_max = line.size()});
  if (parser.Parse(line) != RespRequestParser::Status::kRequest) return {};
  for (std::string_view word : parser.Args()) {
    if (EqualsNoCase(word.substr(0, kNameIs.size()), kNameIs)) {
      return std::string(word.substr(kNameIs.size()));
    }
  }
  return {};
}

}  // namespace slotway::protocol
