// SPDX-License-Identifier: Apache-2.0
// LCS: the longest common subsequence of two strings, by the textbook table.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

struct LcsOptions {
  bool only_length = false;
  bool with_ranges = false;
  bool with_range_length = false;
  std::int64_t range_length_min = 0;
};

// A run of bytes that both strings share in the subsequence.
struct CommonRange {
  std::size_t a_first;
  std::size_t b_first;
  std::size_t length;
};

struct LcsResult {
  std::string text;
  std::vector<CommonRange> ranges;  // from the strings' ends to their beginnings
};

// lengths[i * width + j]: length of the LCS of the first i bytes of a and the first j of b.
class LcsTable {
 public:
  LcsTable(std::string_view a, std::string_view b)
      : a_(a), b_(b), width_(b.size() + 1), lengths_((a.size() + 1) * (b.size() + 1)) {
    for (std::size_t i = 1; i <= a.size(); ++i) {
      for (std::size_t j = 1; j <= b.size(); ++j) {
        At(i, j) =
            a[i - 1] == b[j - 1] ? At(i - 1, j - 1) + 1 : std::max(At(i - 1, j), At(i, j - 1));
      }
    }
  }

  std::uint32_t Length() const { return lengths_.back(); }

  LcsResult Trace() const {
    LcsResult result;
    result.text.resize(Length());
    std::size_t left = Length();
    std::size_t i = a_.size();
    std::size_t j = b_.size();
    bool in_range = false;
    while (i > 0 && j > 0) {
      if (a_[i - 1] == b_[j - 1]) {
        --i;
        --j;
        result.text[--left] = a_[i];
        if (!in_range) result.ranges.push_back({i, j, 0});
        CommonRange& range = result.ranges.back();
        range = {i, j, range.length + 1};
        in_range = true;
      } else {
        in_range = false;
        At(i - 1, j) > At(i, j - 1) ? --i : --j;
      }
    }
    return result;
  }

 private:
  std::uint32_t& At(std::size_t i, std::size_t j) { return lengths_[i * width_ + j]; }
  std::uint32_t At(std::size_t i, std::size_t j) const { return lengths_[i * width_ + j]; }

  std::string_view a_;
  std::string_view b_;
  std::size_t width_;
  std::vector<std::uint32_t> lengths_;
};

bool ReadLcsOptions(CommandContext& ctx, LcsOptions& options) {
  ArgumentReader reader(ctx, 3);
  while (reader.HasMore()) {
    if (reader.TakeWord("idx")) {
      options.with_ranges = true;
    } else if (reader.TakeWord("len")) {
      options.only_length = true;
    } else if (reader.TakeWord("withmatchlen")) {
      options.with_range_length = true;
    } else if (reader.TakeWord("minmatchlen", 1)) {
      options.range_length_min = std::max<std::int64_t>(reader.TakeInteger(), 0);
    } else {
      reader.FailSyntax();
    }
  }
  if (options.only_length && options.with_ranges) {
    reader.Fail("ERR If you want both the length and indexes, please just use IDX.");
  }
  return reader.Finish();
}

void ReplyBounds(CommandContext& ctx, std::size_t first, std::size_t length) {
  ctx.reply.Array(2);
  ctx.reply.Integer(static_cast<std::int64_t>(first));
  ctx.reply.Integer(static_cast<std::int64_t>(first + length - 1));
}

void ReplyRanges(CommandContext& ctx, LcsResult result, const LcsOptions& options) {
  std::erase_if(result.ranges, [&](const CommonRange& range) {
    return static_cast<std::int64_t>(range.length) < options.range_length_min;
  });
  ctx.reply.Map(2);
  ctx.reply.Bulk("matches");
  ctx.reply.Array(result.ranges.size());
  for (const CommonRange& range : result.ranges) {
    ctx.reply.Array(options.with_range_length ? 3 : 2);
    ReplyBounds(ctx, range.a_first, range.length);
    ReplyBounds(ctx, range.b_first, range.length);
    if (options.with_range_length) ctx.reply.Integer(static_cast<std::int64_t>(range.length));
  }
  ctx.reply.Bulk("len");
  ctx.reply.Integer(static_cast<std::int64_t>(result.text.size()));
}

void LcsCommand(CommandContext& ctx) {
  // Copies: looking up the second key may end the view of the first.
  std::string texts[2];
  for (std::size_t i = 0; i < 2; ++i) {
    Entry entry = ctx.FindToRead(ctx.Key(i + 1));
    if (!entry) continue;
    if (entry.type() != ValueType::kString) {
      ctx.Error("ERR The specified keys must contain string values");
      return;
    }
    NumberText buffer;
    texts[i] = StringText(entry, buffer);
  }
  LcsOptions options;
  if (!ReadLcsOptions(ctx, options)) return;
  std::uint64_t table_bytes = sizeof(std::uint32_t) * (texts[0].size() + 1) * (texts[1].size() + 1);
  if (table_bytes > static_cast<std::uint64_t>(ctx.server.Config().proto_max_bulk_len)) {
    ctx.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return;
  }
  LcsTable table(texts[0], texts[1]);
  if (options.only_length) {
    ctx.reply.Integer(table.Length());
  } else if (options.with_ranges) {
    ReplyRanges(ctx, table.Trace(), options);
  } else {
    ctx.reply.Bulk(table.Trace().text);
  }
}

}  // namespace

std::span<const HandlerRow> StringLcsHandlers() {
  static constexpr HandlerRow kRows[] = {{"lcs", &LcsCommand}};
  return kRows;
}

}  // namespace slotway::storage
