// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/sorted_set_add.h"

#include <cmath>
#include <cstdint>
#include <optional>

#include "storage/commands/encoding_limits.h"
#include "storage/commands/opened_key.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

// What an item does to the score of its member.
class Decision {
 public:
  Decision(const AddOptions& options, double argument) : options_(options), argument_(argument) {}

  std::optional<double> operator()(std::optional<double> old_score) {
    if (!old_score) {
      if (options_.only_existing) return std::nullopt;
      return result_ = argument_;
    }
    if (options_.only_new) return std::nullopt;
    const double score = options_.increments ? *old_score + argument_ : argument_;
    is_nan_ = std::isnan(score);
    const bool is_refused = is_nan_ || (options_.only_greater && score <= *old_score) ||
                            (options_.only_less && score >= *old_score);
    if (is_refused) return std::nullopt;
    return result_ = score;
  }

  bool IsNan() const { return is_nan_; }
  // The score that the member has now; nothing if it was left alone.
  std::optional<double> Result() const { return result_; }

 private:
  const AddOptions& options_;
  double argument_;
  std::optional<double> result_;
  bool is_nan_ = false;
};

void Answer(CommandContext& ctx, const AddOptions& options, std::int64_t counted,
            std::optional<double> score) {
  if (!options.increments) {
    ctx.reply.Integer(counted);
  } else if (score) {
    ctx.reply.Double(*score);
  } else {
    ctx.reply.Null();
  }
}

}  // namespace

void AddMembers(CommandContext& ctx, const AddOptions& options,
                std::span<const ScoredMember> items) {
  const KeyRef key = ctx.Key(1);
  auto opened = OpenToWrite<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  if (!opened.handle) {
    if (options.only_existing) {
      Answer(ctx, options, 0, std::nullopt);
      return;
    }
    opened.handle = SortedSetHandle::Create(ctx.db, key, ctx.now_ms);
  }
  const SortedSetLimits limits = SortedSetLimitsOf(ctx.server.Config());
  std::int64_t added = 0;
  std::int64_t updated = 0;
  std::optional<double> last_score;
  for (const ScoredMember& item : items) {
    Decision decision(options, item.score);
    const ScoreChange change =
        opened.handle->Update(item.member, limits,
                           [&decision](std::optional<double> old) { return decision(old); });
    if (decision.IsNan()) {
      ctx.Error("ERR resulting score is not a number (NaN)");
      return;
    }
    if (change == ScoreChange::kAdded) ++added;
    if (change == ScoreChange::kUpdated) ++updated;
    last_score = decision.Result();
  }
  if (added + updated > 0) {
    ctx.KeyChanged(key, config::kNotifyZset, options.increments ? "zincr" : "zadd");
  }
  Answer(ctx, options, options.counts_changed ? added + updated : added, last_score);
}

}  // namespace slotway::storage
