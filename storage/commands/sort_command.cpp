// SPDX-License-Identifier: Apache-2.0
// SORT and SORT_RO: the elements of a list, a set or a sorted set, ordered by themselves or by values of
// other keys, as they are or as what other keys have for them.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/acl_check.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/list_ends.h"
#include "storage/commands/sort_pattern.h"
#include "storage/engine/list_handle.h"
#include "storage/engine/set_handle.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

struct SortOptions {
  std::size_t store_index = 0;  // of the destination key in the arguments; 0: none
  std::int64_t limit_first = 0;
  std::int64_t limit_count = -1;  // negative: all
  bool is_descending = false;
  bool is_alpha = false;
  std::optional<SortPattern> by;  // without a star: do not sort
  std::vector<SortPattern> get;

  bool IsUnsorted() const { return by && !by->HasStar(); }
};

// BY and GET read keys that the request does not name.
bool MayReadOtherKeys(const CommandContext& ctx) {
  std::vector<protocol::KeyPosition> keys;
  return !ctx.client.is_restricted || ctx.client.user == nullptr ||
         protocol::MayReadAllKeys(*ctx.client.user, ctx.spec, ctx.args, keys);
}

bool ReadSortOptions(CommandContext& ctx, bool allows_store, SortOptions& options) {
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    if (reader.TakeWord("asc")) {
      options.is_descending = false;
    } else if (reader.TakeWord("desc")) {
      options.is_descending = true;
    } else if (reader.TakeWord("alpha")) {
      options.is_alpha = true;
    } else if (reader.TakeWord("limit", 2)) {
      options.limit_first = reader.TakeInteger();
      options.limit_count = reader.TakeInteger();
    } else if (allows_store && reader.TakeWord("store", 1)) {
      options.store_index = reader.Position();
      reader.Take();
    } else if (reader.TakeWord("by", 1)) {
      options.by.emplace(reader.Take());
      if (options.by->HasStar() && ctx.server.IsClusterEnabled()) {
        reader.Fail("ERR BY option of SORT denied in cluster mode.");
      } else if (options.by->HasStar() && !MayReadOtherKeys(ctx)) {
        reader.Fail("ERR BY option of SORT denied due to insufficient ACL permissions.");
      }
    } else if (reader.TakeWord("get", 1)) {
      options.get.emplace_back(reader.Take());
      if (!options.get.back().IsElement() && ctx.server.IsClusterEnabled()) {
        reader.Fail("ERR GET option of SORT denied in cluster mode.");
      } else if (!MayReadOtherKeys(ctx)) {
        reader.Fail("ERR GET option of SORT denied due to insufficient ACL permissions.");
      }
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

// An element and what it is ordered by.
struct SortItem {
  std::string element;
  double score = 0;
  std::optional<std::string> text;  // ALPHA with BY
};

std::vector<SortItem> ElementsOf(CommandContext& ctx, const Entry& entry,
                                 const SortOptions& options) {
  std::vector<SortItem> items;
  if (!entry) return items;
  if (entry.type() == ValueType::kList) {
    const ListHandle list(ctx.db, entry);
    NumberText buffer;
    items.reserve(list.Size());
    for (auto at = list.Begin(); !list.IsEnd(at); at = list.Next(at)) {
      items.push_back({.element = std::string(list.At(at).Text(buffer)), .text = {}});
    }
  } else if (entry.type() == ValueType::kSet) {
    const SetHandle set(ctx.db, entry);
    items.reserve(set.Size());
    set.ForEach([&items](std::string_view member) {
      items.push_back({.element = std::string(member), .text = {}});
    });
  } else {
    const SortedSetHandle set(ctx.db, entry);
    items.reserve(set.Size());
    const bool is_reversed = options.IsUnsorted() && options.is_descending;
    set.Visit({0, set.Size()}, is_reversed, [&](const ScoredMember& item) {
      items.push_back({.element = std::string(item.member), .text = {}});
      return true;
    });
  }
  return items;
}

// As strtod() reads a whole text: with spaces before it, in hexadecimal, nothing as 0. Numbers beyond
// a double's range are none.
std::optional<double> ReadScore(const std::string& text) {
  errno = 0;
  char* end = nullptr;
  const double score = std::strtod(text.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(score)) return std::nullopt;
  return score;
}

// False if a weight is no number.
bool SetScores(CommandContext& ctx, const SortOptions& options, std::vector<SortItem>& items) {
  for (SortItem& item : items) {
    if (!options.by) {
      if (options.is_alpha) continue;
    } else {
      item.text = options.by->ValueFor(ctx, item.element);
      if (options.is_alpha || !item.text) continue;
    }
    const auto number = ReadScore(options.by ? *item.text : item.element);
    if (!number) return false;
    item.score = *number;
  }
  return true;
}

int Sign(int value) { return value < 0 ? -1 : value > 0; }

// Ordered by bytes; what is not stored, as a C locale collates it: up to the first zero byte.
int CompareTexts(const std::string& a, const std::string& b, bool is_stored) {
  return Sign(is_stored ? a.compare(b) : std::strcmp(a.c_str(), b.c_str()));
}

int Compare(const SortItem& a, const SortItem& b, const SortOptions& options) {
  const bool is_stored = options.store_index != 0;
  if (!options.is_alpha) {
    if (a.score != b.score) return a.score < b.score ? -1 : 1;
    return Sign(a.element.compare(b.element));
  }
  if (!options.by) return CompareTexts(a.element, b.element, is_stored);
  if (!a.text || !b.text) return a.text.has_value() - b.text.has_value();
  return CompareTexts(*a.text, *b.text, is_stored);
}

// The part that LIMIT leaves, as first and behind the last.
std::pair<std::size_t, std::size_t> LimitOf(const SortOptions& options, std::size_t size) {
  const auto length = static_cast<std::int64_t>(size);
  const std::int64_t first = std::clamp<std::int64_t>(options.limit_first, 0, length);
  std::int64_t count = length - first;
  if (options.limit_count >= 0) count = std::min(count, options.limit_count);
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(first + count)};
}

// What one element is answered as: itself, or what GET asks for.
using Outputs = std::vector<std::optional<std::string>>;

Outputs OutputsOf(CommandContext& ctx, const SortOptions& options,
                  const std::vector<SortItem>& items) {
  Outputs outputs;
  const auto [first, end] = LimitOf(options, items.size());
  for (std::size_t i = first; i < end; ++i) {
    if (options.get.empty()) outputs.emplace_back(items[i].element);
    for (const SortPattern& pattern : options.get) {
      outputs.push_back(pattern.ValueFor(ctx, items[i].element));
    }
  }
  return outputs;
}

void Reply(CommandContext& ctx, const Outputs& outputs) {
  ctx.reply.Array(outputs.size());
  for (const auto& output : outputs) {
    if (output) {
      ctx.reply.Bulk(*output);
    } else {
      ctx.reply.Null();
    }
  }
}

void Store(CommandContext& ctx, const KeyRef& target, const Outputs& outputs) {
  if (outputs.empty()) {
    if (ctx.db.Delete(target.slot, target.key, ctx.now_ms)) {
      ctx.KeyChanged(target, config::kNotifyGeneric, "del");
    }
  } else {
    ListHandle list = ListHandle::Create(ctx.db, target, ctx.now_ms);
    std::vector<std::string_view> texts;
    for (const auto& output : outputs) texts.push_back(output ? *output : std::string_view());
    PushAll(list, ListEnd::kRight, texts, ListLimitsOf(ctx.server.Config()));
    ctx.KeyChanged(target, config::kNotifyList, "sortstore");
  }
  ctx.reply.Integer(static_cast<std::int64_t>(outputs.size()));
}

bool IsSortable(ValueType type) {
  return type == ValueType::kList || type == ValueType::kSet || type == ValueType::kZset;
}

void Sort(CommandContext& ctx, bool allows_store) {
  SortOptions options;
  if (!ReadSortOptions(ctx, allows_store, options)) return;
  const Entry entry = ctx.FindToRead(ctx.Key(1));
  if (entry && !IsSortable(entry.type())) {
    ctx.Error(protocol::error_text::kWrongType);
    return;
  }
  // A set has no order of its own: what is kept, and what scripts see, is the same each time.
  const bool wants_order = options.store_index != 0 || ctx.client.is_script;
  if (entry && entry.type() == ValueType::kSet && options.IsUnsorted() && wants_order) {
    options.by.reset();
    options.is_alpha = true;
  }
  std::vector<SortItem> items = ElementsOf(ctx, entry, options);
  if (!options.IsUnsorted()) {
    if (!SetScores(ctx, options, items)) {
      ctx.Error("ERR One or more scores can't be converted into double");
      return;
    }
    std::stable_sort(items.begin(), items.end(), [&](const SortItem& a, const SortItem& b) {
      const int order = Compare(a, b, options);
      return options.is_descending ? order > 0 : order < 0;
    });
  }
  const Outputs outputs = OutputsOf(ctx, options, items);
  if (options.store_index != 0) {
    Store(ctx, ctx.Key(options.store_index), outputs);
  } else {
    Reply(ctx, outputs);
  }
}

void SortCommand(CommandContext& ctx) { Sort(ctx, true); }
void SortRoCommand(CommandContext& ctx) { Sort(ctx, false); }

}  // namespace

std::span<const HandlerRow> SortHandlers() {
  static constexpr HandlerRow kRows[] = {{"sort", &SortCommand}, {"sort_ro", &SortRoCommand}};
  return kRows;
}

}  // namespace slotway::storage
