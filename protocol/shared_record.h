// SPDX-License-Identifier: Apache-2.0
// A text that all proxies before one backend share, in the form that it has there: a library of
// functions, which is none of the backend's data.
//
//   #!lua name=slotway_users_00000000000000000017      20 digits: the version of the text
//   --48656c6c6f                                       the text, in hexadecimal digits
//   redis.register_function('slotway_users_00000000000000000017_9a3b...', function() end)
//                                                      16 digits more: the text's digest
// A version can be loaded only once, so of two that make the same one the second is told. The
// function's name lets FUNCTION LIST tell which text it is without sending it. Pure; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_reply_value.h"

namespace slotway::protocol {

// Which text it is.
struct RecordMark {
  std::uint64_t version = 0;
  std::uint64_t digest = 0;  // CRC-64 of the text

  auto operator<=>(const RecordMark&) const = default;
};

// What FUNCTION LIST LIBRARYNAME takes to find all versions.
inline constexpr std::string_view kRecordLibraries = "slotway_users_*";

// Whether a library or a function is a record, or looks like one: clients may not touch it.
bool IsRecordName(std::string_view name);

// Whether what FUNCTION LOAD takes is one, or the beginning of one: nobody may see it.
bool IsRecordLibrary(std::string_view code);

RecordMark MarkOf(std::uint64_t version, std::string_view text);
std::string RecordLibraryName(std::uint64_t version);
// What FUNCTION LOAD takes.
std::string RecordLibrary(std::uint64_t version, std::string_view text);

// The marks of all records in a reply to FUNCTION LIST, RESP2 or RESP3. What only looks like one is
// left out.
std::vector<RecordMark> RecordsIn(const RespValue& function_list);
// The text of that record in a reply to FUNCTION LIST ... WITHCODE; nothing if it is not there, or
// is not what its mark says.
std::optional<std::string> RecordTextIn(const RespValue& function_list, const RecordMark& mark);

// The value behind `name` in one library of such a reply; nullptr if there is none.
const RespValue* LibraryField(const RespValue& library, std::string_view name);

}  // namespace slotway::protocol
