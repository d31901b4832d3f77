// SPDX-License-Identifier: Apache-2.0
// Arguments of stream commands: ids, bounds of ranges, what to trim. What is accepted is Redis's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/command_context.h"
#include "storage/types/stream_value.h"

namespace slotway::storage {

// An id, or what stands in its place where it is allowed.
struct StreamIdArgument {
  StreamId id;
  bool has_sequence = true;  // false for "5-*"
};

// "5-1"; "5" with the sequence `missing_seq`. Nothing when it is no id.
std::optional<StreamId> ParseStreamId(std::string_view text, std::uint64_t missing_seq);
// The same, and "5-*".
std::optional<StreamIdArgument> ParseStreamIdToAdd(std::string_view text);

// The id in args[index]; answers an error and returns false if it is none.
bool ReadStreamId(CommandContext& ctx, std::size_t index, StreamId& out);
// From args[first] to the end.
bool ReadStreamIds(CommandContext& ctx, std::size_t first, std::vector<StreamId>& out);
// The bounds of a range, made inclusive: "-", "+", "5-1", "(5-1". Answers errors.
bool ReadRangeStart(CommandContext& ctx, std::size_t index, StreamId& out);
bool ReadRangeEnd(CommandContext& ctx, std::size_t index, StreamId& out);

// Options of XADD and XTRIM.
struct StreamTrimArguments {
  StreamTrim trim;
  bool only_if_present = false;           // NOMKSTREAM
  std::optional<StreamIdArgument> given;  // nothing: "*"
  std::size_t id_index = 0;               // XADD: where the id stands
  std::size_t measure_index = 0;          // where "~" stands
  std::size_t limit_index = 0;            // where LIMIT stands, if there is one
};
// From args[2] on. Answers errors and returns false.
bool ReadStreamTrim(CommandContext& ctx, bool is_xadd, StreamTrimArguments& out);

// "NOGROUP No such key 'k' or consumer group 'g'", and what follows.
std::string NoStreamGroupError(std::string_view key, std::string_view group,
                               std::string_view rest = {});
// "NOGROUP No such consumer group 'g' for key name 'k'"
std::string NoGroupOfKeyError(std::string_view group, std::string_view key);

}  // namespace slotway::storage
