// SPDX-License-Identifier: Apache-2.0
// Members in an area: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their _RO forms.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/geo_arguments.h"
#include "storage/commands/geo_query.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/sorted_set_result.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/types/geo_area.h"

namespace slotway::storage {
namespace {

// A member of the area. Most of those found are often dropped, so its text is read by rank at the end.
struct Found {
  std::size_t rank;
  std::size_t number;  // in the order of the search
  double score;
  double distance_metres;
  GeoPoint point;
};

std::vector<Found> Search(const SortedSetHandle& set, const GeoQuery& query) {
  // With ANY the first ones found will do.
  const std::size_t limit =
      query.takes_any ? query.count : std::numeric_limits<std::size_t>::max();
  std::vector<Found> found;
  const GeoCover cover = CoverOf(query.area);
  for (std::size_t i = 0; i < cover.count && found.size() < limit; ++i) {
    const RankRange ranks = set.RanksOf(ScoresOf(cover.cells[i]));
    std::size_t rank = ranks.first;
    set.Visit(ranks, false, [&](const ScoredMember& item) {
      const std::size_t item_rank = rank++;
      if (found.size() >= limit) return;
      const GeoPoint point = GeoCell::OfScore(item.score).Center();
      if (const auto distance = query.area.DistanceIfInside(point)) {
        found.push_back({item_rank, found.size(), item.score, *distance, point});
      }
    });
  }
  return found;
}

// Puts what is asked for in order and drops the rest.
void Arrange(const GeoQuery& query, std::vector<Found>& found) {
  const std::size_t kept =
      query.count != 0 ? std::min(query.count, found.size()) : found.size();
  const GeoOrder order = query.Order();
  const auto comes_before = [is_reversed = order == GeoOrder::kFarthestFirst](const Found& a,
                                                                              const Found& b) {
    if (a.distance_metres == b.distance_metres) return a.number < b.number;
    return (a.distance_metres < b.distance_metres) != is_reversed;
  };
  const auto kept_end = found.begin() + static_cast<std::ptrdiff_t>(kept);
  if (order != GeoOrder::kNone) {
    if (kept < found.size()) std::nth_element(found.begin(), kept_end, found.end(), comes_before);
    std::sort(found.begin(), kept_end, comes_before);
  }
  found.erase(kept_end, found.end());
}

void Reply(CommandContext& ctx, const SortedSetHandle& set, const GeoQuery& query,
           const std::vector<Found>& found) {
  const std::size_t extras = static_cast<std::size_t>(query.with_distance) +
                             static_cast<std::size_t>(query.with_hash) +
                             static_cast<std::size_t>(query.with_point);
  ctx.reply.Array(found.size());
  for (const Found& item : found) {
    if (extras > 0) ctx.reply.Array(extras + 1);
    set.Visit({item.rank, 1}, false,
              [&ctx](const ScoredMember& member) { ctx.reply.Bulk(member.member); });
    if (query.with_distance) {
      ReplyDistance(ctx, item.distance_metres / query.area.metres_per_unit);
    }
    if (query.with_hash) ctx.reply.Integer(static_cast<std::int64_t>(item.score));
    if (query.with_point) ReplyPoint(ctx, item.point);
  }
}

void Store(CommandContext& ctx, const GeoForm& form, const SortedSetHandle* set,
           const GeoQuery& query, const std::vector<Found>& found) {
  auto result = NewSortedSet(ctx);
  for (const Found& item : found) {
    const double distance = item.distance_metres / query.area.metres_per_unit;
    const double score = query.stores_distance ? distance : item.score;
    set->Visit({item.rank, 1}, false, [&result, score](const ScoredMember& member) {
      result->Set(member.member, score);
    });
  }
  StoreResult(ctx, ctx.Key(query.store_index), std::move(result),
              form.IsSearch() ? "geosearchstore" : "georadiusstore");
}

void SearchArea(CommandContext& ctx, const GeoForm& form) {
  auto opened = OpenToRead<SortedSetHandle>(ctx, form.source_index);
  if (opened.is_wrong_type) return;
  GeoQuery query;
  if (!ReadGeoQuery(ctx, form, opened.handle, query)) return;
  std::vector<Found> found;
  if (opened.handle) {
    found = Search(*opened.handle, query);
    Arrange(query, found);
  }
  const SortedSetHandle* set = opened.handle ? &*opened.handle : nullptr;
  if (query.store_index != 0) {
    Store(ctx, form, set, query, found);
  } else if (set != nullptr) {
    Reply(ctx, *set, query, found);
  } else {
    ctx.reply.Array(0);
  }
}

void GeosearchCommand(CommandContext& ctx) { SearchArea(ctx, {GeoForm::Kind::kSearch}); }
void GeosearchstoreCommand(CommandContext& ctx) {
  SearchArea(ctx, {GeoForm::Kind::kSearchStore, 2});
}
void GeoradiusCommand(CommandContext& ctx) { SearchArea(ctx, {GeoForm::Kind::kAroundPoint}); }
void GeoradiusRoCommand(CommandContext& ctx) {
  SearchArea(ctx, {GeoForm::Kind::kAroundPoint, 1, true});
}
void GeoradiusbymemberCommand(CommandContext& ctx) {
  SearchArea(ctx, {GeoForm::Kind::kAroundMember});
}
void GeoradiusbymemberRoCommand(CommandContext& ctx) {
  SearchArea(ctx, {GeoForm::Kind::kAroundMember, 1, true});
}

}  // namespace

std::span<const HandlerRow> GeoSearchHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"geosearch", &GeosearchCommand},
      {"geosearchstore", &GeosearchstoreCommand},
      {"georadius", &GeoradiusCommand},
      {"georadius_ro", &GeoradiusRoCommand},
      {"georadiusbymember", &GeoradiusbymemberCommand},
      {"georadiusbymember_ro", &GeoradiusbymemberRoCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
