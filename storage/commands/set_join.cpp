// SPDX-License-Identifier: Apache-2.0
// Sets joined: SUNION, SINTER, SDIFF, their STORE forms, SINTERCARD.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/encoding_limits.h"
#include "storage/commands/handler_table.h"
#include "storage/engine/set_handle.h"

namespace slotway::storage {
namespace {

// A set, or nothing under an absent key, which is an empty set.
struct SetSource {
  std::optional<SetHandle> set;
  std::optional<ListpackIndex> index;

  std::size_t Size() const { return set ? set->Size() : 0; }
  bool Contains(std::string_view member) const {
    return index ? index->Contains(member) : set && set->Contains(member);
  }
};
using Sources = std::vector<SetSource>;

// The sets under args[first] to args[end - 1]; nothing when an error was answered.
std::optional<Sources> OpenSources(CommandContext& ctx, std::size_t first, std::size_t end) {
  // A lookup may delete a due key, which ends the views of those found before: so all are looked
  // up first, and only then opened.
  for (std::size_t i = first; i < end; ++i) {
    if (!ctx.CheckType(ctx.FindToRead(ctx.Key(i)), ValueType::kSet)) return std::nullopt;
  }
  Sources sources(end - first);
  for (std::size_t i = first; i < end; ++i) {
    if (const Entry entry = ctx.Peek(ctx.Key(i))) sources[i - first].set.emplace(ctx.db, entry);
  }
  return sources;
}

// Before the members of the first are looked up in all others.
void PrepareLookups(Sources& sources) {
  constexpr std::size_t kManyLookups = 4;
  if (sources.front().Size() < kManyLookups) return;
  for (std::size_t i = 1; i < sources.size(); ++i) {
    if (sources[i].set) sources[i].index = sources[i].set->IndexForLookups();
  }
}

// Hashes otherwise than any source: members that come in the order of their hashes would crowd in
// few buckets.
std::unique_ptr<SetTable> NewSet(CommandContext& ctx) {
  return std::make_unique<SetTable>(ctx.db.arena(), ctx.db.hash_seed() + ctx.server.random.Next());
}

// add(member) for each member of the result, once, while it returns true.
template <class AddFn>
void Intersect(Sources& sources, AddFn&& add) {
  std::sort(sources.begin(), sources.end(),
            [](const SetSource& a, const SetSource& b) { return a.Size() < b.Size(); });
  if (sources.front().Size() == 0) return;
  PrepareLookups(sources);
  sources.front().set->VisitWhile([&](std::string_view member) {
    const bool is_everywhere =
        std::all_of(sources.begin() + 1, sources.end(),
                    [member](const SetSource& other) { return other.Contains(member); });
    return !is_everywhere || add(member);
  });
}

void Unite(const Sources& sources, SetTable& result) {
  for (const SetSource& source : sources) {
    if (source.set) source.set->ForEach([&](std::string_view member) { result.Add(member); });
  }
}

// Whether removing all members of the others from a copy of the first is less work than looking up
// each of its members in the others.
bool IsCopyCheaper(const Sources& sources) {
  std::size_t all = 0;
  for (const SetSource& source : sources) all += source.Size();
  return sources.front().Size() * sources.size() / 2 > all;
}

// add(member) for each member of the first set that is in no other.
template <class AddFn>
void Subtract(Sources& sources, AddFn&& add) {
  if (sources.front().Size() == 0) return;
  // A member that is elsewhere is likely to be in the largest.
  std::sort(sources.begin() + 1, sources.end(),
            [](const SetSource& a, const SetSource& b) { return a.Size() > b.Size(); });
  PrepareLookups(sources);
  sources.front().set->ForEach([&](std::string_view member) {
    const bool is_elsewhere =
        std::any_of(sources.begin() + 1, sources.end(),
                    [member](const SetSource& other) { return other.Contains(member); });
    if (!is_elsewhere) add(member);
  });
}

void SubtractFromCopy(const Sources& sources, SetTable& result) {
  Unite({sources.front()}, result);
  for (std::size_t i = 1; i < sources.size() && result.ElementCount() > 0; ++i) {
    if (!sources[i].set) continue;
    sources[i].set->ForEach([&](std::string_view member) { result.Remove(member); });
  }
}

// ---- Replies ----

// A reply of members whose number is known only when all have been found. They are rendered at
// once, for the views of numbers end with each call.
class MemberReply {
 public:
  explicit MemberReply(CommandContext& ctx)
      : ctx_(ctx), sink_{bytes_}, writer_(sink_, ctx.client.resp_version) {}

  void Add(std::string_view member) {
    writer_.Bulk(member);
    ++count_;
  }
  void Send() {
    ctx_.reply.Set(count_);
    ctx_.output.Append(bytes_);
  }

 private:
  CommandContext& ctx_;
  std::string bytes_;
  std::size_t count_ = 0;
  protocol::StringSink sink_;
  protocol::RespWriter<protocol::StringSink> writer_;
};

void ReplySet(CommandContext& ctx, const SetTable& set) {
  ctx.reply.Set(set.ElementCount());
  set.ForEach([&ctx](std::string_view member) { ctx.reply.Bulk(member); });
}

// Overwrites the key in args[1] with a result and answers its size; an empty one deletes the key.
void StoreSet(CommandContext& ctx, std::unique_ptr<SetTable> result, std::string_view event) {
  const KeyRef key = ctx.Key(1);
  const std::size_t count = result->ElementCount();
  if (count > 0) {
    SetHandle::Store(ctx.db, key, std::move(result), SetLimitsOf(ctx.server.Config()), ctx.now_ms);
    ctx.KeyChanged(key, config::kNotifySet, event);
  } else if (ctx.db.Delete(key.slot, key.key, ctx.now_ms)) {
    ctx.KeyChanged(key, config::kNotifyGeneric, "del");
  }
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

// ---- Commands ----

void SunionCommand(CommandContext& ctx) {
  const auto sources = OpenSources(ctx, 1, ctx.args.size());
  if (!sources) return;
  const auto result = NewSet(ctx);
  Unite(*sources, *result);
  ReplySet(ctx, *result);
}

void SunionstoreCommand(CommandContext& ctx) {
  const auto sources = OpenSources(ctx, 2, ctx.args.size());
  if (!sources) return;
  auto result = NewSet(ctx);
  Unite(*sources, *result);
  StoreSet(ctx, std::move(result), "sunionstore");
}

void SinterCommand(CommandContext& ctx) {
  auto sources = OpenSources(ctx, 1, ctx.args.size());
  if (!sources) return;
  MemberReply reply(ctx);
  Intersect(*sources, [&reply](std::string_view member) {
    reply.Add(member);
    return true;
  });
  reply.Send();
}

void SinterstoreCommand(CommandContext& ctx) {
  auto sources = OpenSources(ctx, 2, ctx.args.size());
  if (!sources) return;
  auto result = NewSet(ctx);
  Intersect(*sources, [&result](std::string_view member) { return result->Add(member); });
  StoreSet(ctx, std::move(result), "sinterstore");
}

void SintercardCommand(CommandContext& ctx) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t key_count = 0;
  if (!ReadIntegerIn(ctx, 1, 1, kMax, key_count, "ERR numkeys should be greater than 0")) return;
  if (static_cast<std::uint64_t>(key_count) > ctx.args.size() - 2) {
    ctx.Error("ERR Number of keys can't be greater than number of args");
    return;
  }
  const std::size_t keys_end = static_cast<std::size_t>(key_count) + 2;
  std::uint64_t limit = 0;  // none
  ArgumentReader reader(ctx, keys_end);
  while (reader.HasMore()) {
    if (reader.TakeWord("limit", 1)) {
      limit =
          static_cast<std::uint64_t>(reader.TakeIntegerIn(0, kMax, "ERR LIMIT can't be negative"));
    } else {
      reader.FailSyntax();
    }
  }
  if (!reader.Finish()) return;
  auto sources = OpenSources(ctx, 2, keys_end);
  if (!sources) return;
  std::uint64_t count = 0;
  Intersect(*sources, [&](std::string_view) { return ++count != limit; });
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

void SdiffCommand(CommandContext& ctx) {
  auto sources = OpenSources(ctx, 1, ctx.args.size());
  if (!sources) return;
  if (IsCopyCheaper(*sources)) {
    const auto result = NewSet(ctx);
    SubtractFromCopy(*sources, *result);
    ReplySet(ctx, *result);
    return;
  }
  MemberReply reply(ctx);
  Subtract(*sources, [&reply](std::string_view member) { reply.Add(member); });
  reply.Send();
}

void SdiffstoreCommand(CommandContext& ctx) {
  auto sources = OpenSources(ctx, 2, ctx.args.size());
  if (!sources) return;
  auto result = NewSet(ctx);
  if (IsCopyCheaper(*sources)) {
    SubtractFromCopy(*sources, *result);
  } else {
    Subtract(*sources, [&result](std::string_view member) { result->Add(member); });
  }
  StoreSet(ctx, std::move(result), "sdiffstore");
}

}  // namespace

std::span<const HandlerRow> SetJoinHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"sunion", &SunionCommand},         {"sunionstore", &SunionstoreCommand},
      {"sinter", &SinterCommand},         {"sinterstore", &SinterstoreCommand},
      {"sintercard", &SintercardCommand}, {"sdiff", &SdiffCommand},
      {"sdiffstore", &SdiffstoreCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
