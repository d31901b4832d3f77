// SPDX-License-Identifier: Apache-2.0
// Sorted sets and sets joined: ZUNION, ZINTER, ZDIFF, their STORE forms, ZINTERCARD.
#include <algorithm>
#include <cmath>
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
#include "storage/commands/handler_table.h"
#include "storage/commands/number_text.h"
#include "storage/commands/score_source.h"
#include "storage/commands/sorted_set_result.h"

namespace slotway::storage {
namespace {

enum class Join : std::uint8_t { kUnion, kInter, kDiff };
enum class Aggregate : std::uint8_t { kSum, kMin, kMax };
enum class Outcome : std::uint8_t { kReply, kStore, kCount };

struct JoinForm {
  Join join;
  Outcome outcome;

  bool HasWeights() const { return join != Join::kDiff && outcome != Outcome::kCount; }
  std::size_t CountIndex() const { return outcome == Outcome::kStore ? 2 : 1; }
};

struct WeightedSource {
  ScoreSource source;
  double weight = 1;

  double Weigh(double score) const { return score * weight; }
};

struct JoinQuery {
  std::vector<WeightedSource> sources;
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  std::uint64_t limit = 0;  // 0: none
};

// Opposite infinities and 0 times infinity make 0.
double WithoutNan(double score) { return std::isnan(score) ? 0 : score; }

double Aggregated(Aggregate aggregate, double a, double b) {
  switch (aggregate) {
    case Aggregate::kMin:
      return b < a ? b : a;
    case Aggregate::kMax:
      return b > a ? b : a;
    case Aggregate::kSum:
      break;
  }
  return WithoutNan(a + b);
}

// numkeys and the keys, numkeys being args[index].
bool ReadSources(CommandContext& ctx, std::size_t index, std::vector<WeightedSource>& sources) {
  std::int64_t count = 0;
  if (!ReadInteger(ctx, index, count)) return false;
  if (count < 1) {
    ctx.Error("ERR at least 1 input key is needed for '" + std::string(ctx.spec.name) +
              "' command");
    return false;
  }
  const std::size_t first = index + 1;
  if (static_cast<std::uint64_t>(count) > ctx.args.size() - first) {
    ctx.SyntaxError();
    return false;
  }
  const auto end = first + static_cast<std::size_t>(count);
  // A lookup may delete a due key, which ends the views of those found before: so all are looked
  // up first, and only then opened.
  for (std::size_t i = first; i < end; ++i) {
    const Entry entry = ctx.FindToRead(ctx.Key(i));
    if (entry && !ScoreSource::IsReadable(entry.type())) {
      ctx.Error(protocol::error_text::kWrongType);
      return false;
    }
  }
  sources.reserve(static_cast<std::size_t>(count));
  for (std::size_t i = first; i < end; ++i) {
    sources.push_back({ScoreSource(ctx.db, ctx.Peek(ctx.Key(i)))});
  }
  return true;
}

void TakeWeights(ArgumentReader& reader, std::vector<WeightedSource>& sources) {
  for (WeightedSource& source : sources) {
    const auto weight = ParseDouble(reader.Take());
    if (!weight) reader.Fail("ERR weight value is not a float");
    source.weight = weight.value_or(1);
  }
}

void TakeAggregate(ArgumentReader& reader, Aggregate& aggregate) {
  if (reader.TakeWord("sum")) {
    aggregate = Aggregate::kSum;
  } else if (reader.TakeWord("min")) {
    aggregate = Aggregate::kMin;
  } else if (reader.TakeWord("max")) {
    aggregate = Aggregate::kMax;
  } else {
    reader.FailSyntax();
  }
}

bool ReadJoin(CommandContext& ctx, const JoinForm& form, JoinQuery& query) {
  if (!ReadSources(ctx, form.CountIndex(), query.sources)) return false;
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  ArgumentReader reader(ctx, form.CountIndex() + 1 + query.sources.size());
  while (reader.HasMore()) {
    if (form.HasWeights() && reader.TakeWord("weights", query.sources.size())) {
      TakeWeights(reader, query.sources);
    } else if (form.HasWeights() && reader.TakeWord("aggregate", 1)) {
      TakeAggregate(reader, query.aggregate);
    } else if (form.outcome == Outcome::kReply && reader.TakeWord("withscores")) {
      query.with_scores = true;
    } else if (form.outcome == Outcome::kCount && reader.TakeWord("limit", 1)) {
      query.limit = static_cast<std::uint64_t>(
          reader.TakeIntegerIn(0, kMax, "ERR LIMIT can't be negative"));
    } else {
      reader.FailSyntax();
    }
  }
  return reader.Finish();
}

// Scores are added in this order, which shows in their last digits.
void SmallestFirst(std::vector<WeightedSource>& sources) {
  std::stable_sort(sources.begin(), sources.end(),
                   [](const WeightedSource& a, const WeightedSource& b) {
                     return a.source.Size() < b.source.Size();
                   });
}

void Unite(JoinQuery& query, SortedSetTable& result) {
  SmallestFirst(query.sources);
  for (const WeightedSource& source : query.sources) {
    source.source.VisitWhile([&](const ScoredMember& item) {
      const double score = WithoutNan(source.Weigh(item.score));
      result.Update(item.member, [&](std::optional<double> so_far) -> std::optional<double> {
        return so_far ? Aggregated(query.aggregate, *so_far, score) : score;
      });
      return true;
    });
  }
}

// add(ScoredMember) for what all have, while it returns true.
template <class AddFn>
void Intersect(JoinQuery& query, AddFn&& add) {
  SmallestFirst(query.sources);
  const WeightedSource& smallest = query.sources.front();
  smallest.source.VisitWhile([&](const ScoredMember& item) {
    double score = WithoutNan(smallest.Weigh(item.score));
    for (std::size_t i = 1; i < query.sources.size(); ++i) {
      const auto other = query.sources[i].source.ScoreOf(item.member);
      if (!other) return true;
      score = Aggregated(query.aggregate, score, query.sources[i].Weigh(*other));
    }
    return add(ScoredMember{score, item.member});
  });
}

void Subtract(const JoinQuery& query, SortedSetTable& result) {
  query.sources.front().source.VisitWhile([&](const ScoredMember& item) {
    const bool is_elsewhere =
        std::any_of(query.sources.begin() + 1, query.sources.end(), [&](const auto& other) {
          return other.source.ScoreOf(item.member).has_value();
        });
    if (!is_elsewhere) result.Set(item.member, item.score);
    return true;
  });
}

void Collect(JoinQuery& query, Join join, SortedSetTable& result) {
  switch (join) {
    case Join::kUnion:
      Unite(query, result);
      break;
    case Join::kInter:
      Intersect(query, [&result](const ScoredMember& item) {
        result.Set(item.member, item.score);
        return true;
      });
      break;
    case Join::kDiff:
      Subtract(query, result);
      break;
  }
}

void JoinSets(CommandContext& ctx, const JoinForm& form, std::string_view event = {}) {
  JoinQuery query;
  if (!ReadJoin(ctx, form, query)) return;
  std::unique_ptr<SortedSetTable> result = NewSortedSet(ctx);
  Collect(query, form.join, *result);
  if (form.outcome == Outcome::kStore) {
    StoreResult(ctx, ctx.Key(1), std::move(result), event);
    return;
  }
  const std::size_t count = result->ElementCount();
  BeginMembers(ctx, count, query.with_scores);
  result->Visit({0, count}, false,
                [&](const ScoredMember& item) { ReplyMember(ctx, item, query.with_scores); });
}

void ZunionCommand(CommandContext& ctx) { JoinSets(ctx, {Join::kUnion, Outcome::kReply}); }
void ZinterCommand(CommandContext& ctx) { JoinSets(ctx, {Join::kInter, Outcome::kReply}); }
void ZdiffCommand(CommandContext& ctx) { JoinSets(ctx, {Join::kDiff, Outcome::kReply}); }

void ZunionstoreCommand(CommandContext& ctx) {
  JoinSets(ctx, {Join::kUnion, Outcome::kStore}, "zunionstore");
}
void ZinterstoreCommand(CommandContext& ctx) {
  JoinSets(ctx, {Join::kInter, Outcome::kStore}, "zinterstore");
}
void ZdiffstoreCommand(CommandContext& ctx) {
  JoinSets(ctx, {Join::kDiff, Outcome::kStore}, "zdiffstore");
}

void ZintercardCommand(CommandContext& ctx) {
  JoinQuery query;
  if (!ReadJoin(ctx, {Join::kInter, Outcome::kCount}, query)) return;
  std::uint64_t count = 0;
  Intersect(query, [&](const ScoredMember&) { return ++count != query.limit; });
  ctx.reply.Integer(static_cast<std::int64_t>(count));
}

}  // namespace

std::span<const HandlerRow> SortedSetJoinHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"zunion", &ZunionCommand},           {"zinter", &ZinterCommand},
      {"zdiff", &ZdiffCommand},             {"zunionstore", &ZunionstoreCommand},
      {"zinterstore", &ZinterstoreCommand}, {"zdiffstore", &ZdiffstoreCommand},
      {"zintercard", &ZintercardCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
