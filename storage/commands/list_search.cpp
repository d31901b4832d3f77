// SPDX-License-Identifier: Apache-2.0
// Elements of a list by their value: LINSERT, LPOS, LREM.
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/list_handle.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

// What elements are compared with: a number is one in a listpack, too.
class WantedElement {
 public:
  explicit WantedElement(std::string_view text) : text_(text), number_(CanonicalNumber(text)) {}
  bool Is(const ListpackElement& element) const {
    return element.is_number ? number_ == element.number : !number_ && element.text == text_;
  }

 private:
  std::string_view text_;
  std::optional<std::int64_t> number_;
};

void LinsertCommand(CommandContext& ctx) {
  bool is_after = EqualsNoCase(ctx.args[2], "after");
  if (!is_after && !EqualsNoCase(ctx.args[2], "before")) {
    ctx.SyntaxError();
    return;
  }
  auto opened = OpenToWrite<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.reply.Integer(0);
    return;
  }
  ListHandle& list = *opened.handle;
  ListLimits limits = ListLimitsOf(ctx.server.Config());
  list.MakeRoom(ctx.args[4].size(), 1, limits);
  const WantedElement pivot(ctx.args[3]);
  for (auto at = list.Begin(); !list.IsEnd(at); at = list.Next(at)) {
    if (!pivot.Is(list.At(at))) continue;
    list.Insert(is_after ? list.Next(at) : at, ctx.args[4], limits);
    ctx.KeyChanged(ctx.Key(1), config::kNotifyList, "linsert");
    ctx.reply.Integer(static_cast<std::int64_t>(list.Size()));
    return;
  }
  list.GiveRoomBack(limits);
  ctx.reply.Integer(-1);
}

struct PositionOptions {
  std::int64_t rank = 1;
  std::int64_t count = -1;  // -1: the first match alone; 0: all
  std::int64_t length_max = 0;  // 0: all elements are compared
};

bool ReadPositionOptions(CommandContext& ctx, PositionOptions& options) {
  ArgumentReader reader(ctx, 3);
  while (reader.HasMore()) {
    if (reader.TakeWord("rank", 1)) {
      options.rank = reader.TakeInteger();
      if (options.rank < -kMax) reader.Fail(kHasNoOpposite);
      if (options.rank == 0) {
        reader.Fail(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... "
            "or use negative to start from the end of the list");
      }
    } else if (reader.TakeWord("count", 1)) {
      options.count = reader.TakeIntegerIn(0, kMax, "ERR COUNT can't be negative");
    } else if (reader.TakeWord("maxlen", 1)) {
      options.length_max = reader.TakeIntegerIn(0, kMax, "ERR MAXLEN can't be negative");
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

// The indexes of matches, in the order in which they are met.
std::vector<std::int64_t> FindAll(const ListHandle& list, const WantedElement& wanted,
                                  const PositionOptions& options) {
  std::vector<std::int64_t> found;
  const bool is_backward = options.rank < 0;
  const auto size = static_cast<std::int64_t>(list.Size());
  const std::int64_t compared =
      options.length_max == 0 ? size : std::min(options.length_max, size);
  std::int64_t skipped = (is_backward ? -options.rank : options.rank) - 1;
  auto at = is_backward ? list.End() : list.Begin();
  for (std::int64_t i = 0; i < compared; ++i) {
    if (is_backward) at = list.Previous(at);
    if (wanted.Is(list.At(at)) && skipped-- <= 0) {
      found.push_back(is_backward ? size - 1 - i : i);
      if (options.count != 0 && static_cast<std::int64_t>(found.size()) >= options.count) break;
    }
    if (!is_backward) at = list.Next(at);
  }
  return found;
}

void LposCommand(CommandContext& ctx) {
  PositionOptions options;
  if (!ReadPositionOptions(ctx, options)) return;
  bool wants_array = options.count >= 0;
  auto opened = OpenToRead<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  std::vector<std::int64_t> found;
  if (opened.handle) found = FindAll(*opened.handle, WantedElement(ctx.args[2]), options);
  if (wants_array) {
    ctx.reply.Array(found.size());
    for (std::int64_t index : found) ctx.reply.Integer(index);
  } else if (found.empty()) {
    ctx.reply.Null();
  } else {
    ctx.reply.Integer(found.front());
  }
}

void LremCommand(CommandContext& ctx) {
  std::int64_t count = 0;
  if (!ReadInteger(ctx, 2, count)) return;
  auto opened = OpenToWrite<ListHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.reply.Integer(0);
    return;
  }
  ListHandle& list = *opened.handle;
  const WantedElement unwanted(ctx.args[3]);
  const bool is_backward = count < 0;
  std::int64_t removed = 0;
  // Where the walk is: behind what it will look at next when it goes backward.
  for (auto at = is_backward ? list.End() : list.Begin();;) {
    if (is_backward) {
      const bool is_at_begin = list.Size() == 0 || (at.node == 0 && at.offset == list.Begin().offset);
      if (is_at_begin) break;
      at = list.Previous(at);
    } else if (list.IsEnd(at)) {
      break;
    }
    if (unwanted.Is(list.At(at))) {
      at = list.Erase(at);
      ++removed;
      if (count != 0 && removed == (is_backward ? -count : count)) break;
    } else if (!is_backward) {
      at = list.Next(at);
    }
  }
  if (removed > 0) {
    KeyRef key = ctx.Key(1);
    ctx.KeyChanged(key, config::kNotifyList, "lrem");
    if (!DeleteIfEmpty(ctx, list, key)) list.GiveRoomBack(ListLimitsOf(ctx.server.Config()));
  }
  ctx.reply.Integer(removed);
}

}  // namespace

std::span<const HandlerRow> ListSearchHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"linsert", &LinsertCommand}, {"lpos", &LposCommand}, {"lrem", &LremCommand}};
  return kRows;
}

}  // namespace slotway::storage
