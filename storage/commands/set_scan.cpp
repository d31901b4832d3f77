// SPDX-License-Identifier: Apache-2.0
// Some of a set: SSCAN, SRANDMEMBER, SPOP.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/element_scan.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/reply_bound.h"
#include "storage/engine/set_handle.h"

namespace slotway::storage {
namespace {

void SscanCommand(CommandContext& ctx) {
  ScanElements<SetHandle>(
      ctx, [](SetHandle& set, std::uint64_t cursor, std::size_t count, auto&& show) {
        return set.Scan(cursor, count, [&](std::string_view member) { show(member); });
      });
}

auto RandomOf(CommandContext& ctx) {
  return [&random = ctx.server.random] { return random.Next(); };
}

// ---- SRANDMEMBER ----

void ReplyOneRandomMember(CommandContext& ctx) {
  auto opened = OpenToRead<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (opened.handle) {
    opened.handle->VisitRandom(1, RandomOf(ctx),
                               [&ctx](std::string_view member) { ctx.reply.Bulk(member); });
  } else {
    ctx.reply.Null();
  }
}

void SrandmemberCommand(CommandContext& ctx) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (ctx.args.size() > 3) {
    ctx.SyntaxError();
    return;
  }
  if (ctx.args.size() == 2) {
    ReplyOneRandomMember(ctx);
    return;
  }
  std::int64_t count = 0;
  if (!ReadInteger(ctx, 2, count)) return;
  if (count < -kMax) {
    ctx.Error(kHasNoOpposite);
    return;
  }
  auto opened = OpenToRead<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  const auto show = [&ctx](std::string_view member) { ctx.reply.Bulk(member); };
  if (!opened.handle || count == 0) {
    ctx.reply.Array(0);
  } else if (count > 0) {
    const std::size_t wanted = std::min(static_cast<std::size_t>(count), opened.handle->Size());
    ctx.reply.Array(wanted);
    opened.handle->VisitRandomDistinct(wanted, RandomOf(ctx), show);
  } else {
    const auto repeats = static_cast<std::uint64_t>(-count);
    if (!MayAnswer(ctx, repeats)) return;
    ctx.reply.Array(repeats);
    AnswerInPieces(ctx, repeats, [&](std::uint64_t piece) {
      opened.handle->VisitRandom(piece, RandomOf(ctx), show);
    });
  }
}

// ---- SPOP ----

void PopOne(CommandContext& ctx) {
  auto opened = OpenToWrite<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    ctx.reply.Null();
    return;
  }
  std::string popped;
  opened.handle->VisitRandom(1, RandomOf(ctx),
                             [&popped](std::string_view member) { popped = member; });
  opened.handle->Remove(popped);
  const KeyRef key = ctx.Key(1);
  ctx.KeyChanged(key, config::kNotifySet, "spop");
  DeleteIfEmpty(ctx, *opened.handle, key);
  ctx.PropagateAs({"SREM", key.key, popped});
  ctx.reply.Bulk(popped);
}

void PopAll(CommandContext& ctx, const SetHandle& set, const KeyRef& key) {
  ctx.reply.Set(set.Size());
  set.ForEach([&ctx](std::string_view member) { ctx.reply.Bulk(member); });
  ctx.db.Delete(set.entry());
  ctx.KeyChanged(key, config::kNotifySet, "spop");
  ctx.KeyChanged(key, config::kNotifyGeneric, "del");
  ctx.PropagateAs({ctx.server.Config().lazyfree_lazy_server_del ? "UNLINK" : "DEL", key.key});
}

void PropagateRemoval(CommandContext& ctx, const KeyRef& key,
                      const std::vector<std::string>& members) {
  constexpr std::size_t kPerCommand = 1024;
  ctx.PropagateNothing();
  if (!ctx.server.propagation.IsOn()) return;
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < members.size(); i += kPerCommand) {
    words.assign({"SREM", key.key});
    words.insert(
        words.end(), members.begin() + static_cast<std::ptrdiff_t>(i),
        members.begin() + static_cast<std::ptrdiff_t>(std::min(i + kPerCommand, members.size())));
    ctx.PropagateAs(words);
  }
}

// REQUIRES: count < set.Size().
void PopSome(CommandContext& ctx, SetHandle& set, std::size_t count, const KeyRef& key) {
  std::vector<std::string> popped;
  popped.reserve(count);
  ctx.reply.Set(count);
  set.VisitRandomDistinct(count, RandomOf(ctx), [&](std::string_view member) {
    ctx.reply.Bulk(member);
    popped.emplace_back(member);
  });
  for (const std::string& member : popped) set.Remove(member);
  ctx.KeyChanged(key, config::kNotifySet, "spop");
  PropagateRemoval(ctx, key, popped);
}

void SpopCommand(CommandContext& ctx) {
  if (ctx.args.size() > 3) {
    ctx.SyntaxError();
    return;
  }
  if (ctx.args.size() == 2) {
    PopOne(ctx);
    return;
  }
  std::int64_t count = 0;
  if (!ReadCount(ctx, 2, count)) return;
  auto opened = OpenToWrite<SetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle || count == 0) {
    ctx.reply.Set(0);
  } else if (static_cast<std::size_t>(count) >= opened.handle->Size()) {
    PopAll(ctx, *opened.handle, ctx.Key(1));
  } else {
    PopSome(ctx, *opened.handle, static_cast<std::size_t>(count), ctx.Key(1));
  }
}

}  // namespace

std::span<const HandlerRow> SetScanHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"sscan", &SscanCommand}, {"srandmember", &SrandmemberCommand}, {"spop", &SpopCommand}};
  return kRows;
}

}  // namespace slotway::storage
