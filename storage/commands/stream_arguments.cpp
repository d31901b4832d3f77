// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/stream_arguments.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "storage/commands/argument_reader.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kInvalidId =
    "ERR Invalid stream ID specified as stream command argument";
constexpr std::size_t kIdTextMax = 127;

// Half of an id. Beside plain numbers Redis takes whatever strtoull() does.
bool ParsePart(const char* text, std::uint64_t& out) {
  if (const auto number = ParseInteger(text)) {
    out = static_cast<std::uint64_t>(*number);
    return *number >= 0;
  }
  char* end = nullptr;
  errno = 0;
  out = std::strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == '\0';
}

// `star_stands` for a sequence is taken only if it is not null.
bool ParseId(std::string_view text, std::uint64_t missing_seq, bool* star_stands, StreamId& out) {
  if (text.size() > kIdTextMax) return false;
  char copy[kIdTextMax + 1];
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  char* sequence = std::strchr(copy, '-');
  if (sequence != nullptr) *sequence++ = '\0';
  if (!ParsePart(copy, out.ms)) return false;
  out.seq = missing_seq;
  if (sequence == nullptr) return true;
  if (star_stands != nullptr && std::strcmp(sequence, "*") == 0) {
    *star_stands = true;
    out.seq = 0;
    return true;
  }
  return ParsePart(sequence, out.seq);
}

// A bound that begins with "(" is no part of the range.
bool ReadBound(CommandContext& ctx, std::size_t index, std::uint64_t missing_seq, StreamId& out,
               bool& is_exclusive) {
  std::string_view text = ctx.args[index];
  is_exclusive = text.size() > 1 && text[0] == '(';
  if (is_exclusive) text.remove_prefix(1);
  std::optional<StreamId> id;
  if (!is_exclusive && text == "-") {
    id = StreamId{};
  } else if (!is_exclusive && text == "+") {
    id = StreamId::Max();
  } else {
    id = ParseStreamId(text, missing_seq);
  }
  if (!id) {
    ctx.Error(kInvalidId);
    return false;
  }
  out = *id;
  return true;
}

// Texts in errors end at a zero byte.
std::string_view Printed(std::string_view text) { return text.substr(0, text.find('\0')); }

// MAXLEN and MINID: [=|~] and the value.
void ReadStrategy(ArgumentReader& reader, bool by_length, StreamTrimArguments& out) {
  StreamTrim& trim = out.trim;
  if (trim.kind != StreamTrim::Kind::kNone) {
    reader.Fail("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    return;
  }
  out.measure_index = reader.Position();
  trim.is_approximate = reader.TakeWord("~", 1);
  if (!trim.is_approximate) reader.TakeWord("=", 1);
  if (by_length) {
    const std::int64_t length = reader.TakeInteger();
    if (length < 0) reader.Fail("ERR The MAXLEN argument must be >= 0.");
    trim.kind = StreamTrim::Kind::kMaxLength;
    trim.length_max = static_cast<std::uint64_t>(length);
    return;
  }
  const auto id = ParseStreamId(reader.Take(), 0);
  if (!id) reader.Fail(kInvalidId);
  trim.kind = StreamTrim::Kind::kMinId;
  trim.id_min = id.value_or(StreamId{});
}

// Without LIMIT an approximate trim is bounded all the same.
std::uint64_t DefaultTrimLimit(const CommandContext& ctx) {
  constexpr std::int64_t kNodes = 100;
  constexpr std::int64_t kWithoutNodeLimit = 10'000;
  constexpr std::int64_t kMax = 1'000'000;
  const std::int64_t entries = ctx.server.Config().stream_node_max_entries;
  if (entries <= 0) return kWithoutNodeLimit;
  return static_cast<std::uint64_t>(entries > kMax / kNodes ? kMax : entries * kNodes);
}

}  // namespace

std::optional<StreamId> ParseStreamId(std::string_view text, std::uint64_t missing_seq) {
  StreamId id;
  if (!ParseId(text, missing_seq, nullptr, id)) return std::nullopt;
  return id;
}

std::optional<StreamIdArgument> ParseStreamIdToAdd(std::string_view text) {
  StreamIdArgument argument;
  bool star_stands = false;
  if (!ParseId(text, 0, &star_stands, argument.id)) return std::nullopt;
  argument.has_sequence = !star_stands;
  return argument;
}

bool ReadStreamId(CommandContext& ctx, std::size_t index, StreamId& out) {
  const auto id = ParseStreamId(ctx.args[index], 0);
  if (!id) {
    ctx.Error(kInvalidId);
    return false;
  }
  out = *id;
  return true;
}

bool ReadStreamIds(CommandContext& ctx, std::size_t first, std::vector<StreamId>& out) {
  out.resize(ctx.args.size() - first);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!ReadStreamId(ctx, first + i, out[i])) return false;
  }
  return true;
}

bool ReadRangeStart(CommandContext& ctx, std::size_t index, StreamId& out) {
  bool is_exclusive = false;
  if (!ReadBound(ctx, index, 0, out, is_exclusive)) return false;
  if (!is_exclusive) return true;
  const auto next = out.Next();
  if (!next) {
    ctx.Error("ERR invalid start ID for the interval");
    return false;
  }
  out = *next;
  return true;
}

bool ReadRangeEnd(CommandContext& ctx, std::size_t index, StreamId& out) {
  bool is_exclusive = false;
  if (!ReadBound(ctx, index, StreamId::kMaxPart, out, is_exclusive)) return false;
  if (!is_exclusive) return true;
  const auto previous = out.Previous();
  if (!previous) {
    ctx.Error("ERR invalid end ID for the interval");
    return false;
  }
  out = *previous;
  return true;
}

bool ReadStreamTrim(CommandContext& ctx, bool is_xadd, StreamTrimArguments& out) {
  ArgumentReader reader(ctx, 2);
  std::optional<std::int64_t> limit;
  bool has_id = false;
  while (!has_id && reader.HasMore()) {
    if (is_xadd && ctx.args[reader.Position()] == "*") {
      has_id = true;
    } else if (reader.TakeWord("maxlen", 1)) {
      ReadStrategy(reader, true, out);
    } else if (reader.TakeWord("minid", 1)) {
      ReadStrategy(reader, false, out);
    } else if (reader.TakeWord("limit", 1)) {
      out.limit_index = reader.Position() - 1;
      limit = reader.TakeInteger();
      if (*limit < 0) reader.Fail("ERR The LIMIT argument must be >= 0.");
    } else if (is_xadd && reader.TakeWord("nomkstream")) {
      out.only_if_present = true;
    } else if (is_xadd) {
      out.given = ParseStreamIdToAdd(ctx.args[reader.Position()]);
      if (!out.given) reader.Fail(kInvalidId);
      has_id = true;
    } else {
      reader.FailSyntax();
    }
  }
  out.id_index = reader.Position();
  const bool trims = out.trim.kind != StreamTrim::Kind::kNone;
  if (limit.value_or(0) != 0 && !trims) {
    reader.Fail("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  } else if (!is_xadd && !trims) {
    reader.Fail("ERR syntax error, XTRIM must be called with a trimming strategy");
  } else if (limit && !out.trim.is_approximate) {
    reader.Fail("ERR syntax error, LIMIT cannot be used without the special ~ option");
  }
  if (out.trim.is_approximate) {
    out.trim.limit = limit ? static_cast<std::uint64_t>(*limit) : DefaultTrimLimit(ctx);
  }
  return reader.Finish();
}

std::string NoStreamGroupError(std::string_view key, std::string_view group,
                               std::string_view rest) {
  std::string text = "NOGROUP No such key '";
  text.append(Printed(key)).append("' or consumer group '").append(Printed(group)).append("'");
  return text.append(rest);
}

std::string NoGroupOfKeyError(std::string_view group, std::string_view key) {
  std::string text = "NOGROUP No such consumer group '";
  text.append(Printed(group)).append("' for key name '").append(Printed(key)).append("'");
  return text;
}

}  // namespace slotway::storage
