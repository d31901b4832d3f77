// SPDX-License-Identifier: Apache-2.0
// Members in an area: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their _RO forms.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
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

struct Found {
  std::string member;
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
    set.Visit(ranks, false, [&](const ScoredMember& item) {
      if (found.size() >= limit) return;
      const GeoPoint point = GeoCell::OfScore(item.score).Center();
      if (const auto distance = query.area.DistanceIfInside(point)) {
        found.push_back({std::string(item.member), item.score, *distance, point});
      }
    });
  }
  return found;
}

// Puts what is asked for in order and drops the rest.
void Arrange(const GeoQuery& query, std::vector<Found>& found) {
  const auto nearer = [](const Found& a, const Found& b) {
    return a.distance_metres < b.distance_metres;
  };
  switch (query.Order()) {
    case GeoOrder::kNone:
      break;
    case GeoOrder::kNearestFirst:
      std::stable_sort(found.begin(), found.end(), nearer);
      break;
    case GeoOrder::kFarthestFirst:
      std::stable_sort(found.begin(), found.end(),
                       [&](const Found& a, const Found& b) { return nearer(b, a); });
      break;
  }
  if (query.count != 0 && found.size() > query.count) {
    found.erase(found.begin() + static_cast<std::ptrdiff_t>(query.count), found.end());
  }
}

void Reply(CommandContext& ctx, const GeoQuery& query, const std::vector<Found>& found) {
  const std::size_t extras = static_cast<std::size_t>(query.with_distance) +
                             static_cast<std::size_t>(query.with_hash) +
                             static_cast<std::size_t>(query.with_point);
  ctx.reply.Array(found.size());
  for (const Found& item : found) {
    if (extras > 0) ctx.reply.Array(extras + 1);
    ctx.reply.Bulk(item.member);
    if (query.with_distance) {
      ReplyDistance(ctx, item.distance_metres / query.area.metres_per_unit);
    }
    if (query.with_hash) ctx.reply.Integer(static_cast<std::int64_t>(item.score));
    if (query.with_point) ReplyPoint(ctx, item.point);
  }
}

void Store(CommandContext& ctx, const GeoForm& form, const GeoQuery& query,
           const std::vector<Found>& found) {
  auto result = NewSortedSet(ctx);
  for (const Found& item : found) {
    const double distance = item.distance_metres / query.area.metres_per_unit;
    result->Set(item.member, query.stores_distance ? distance : item.score);
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
  if (query.store_index != 0) {
    Store(ctx, form, query, found);
  } else {
    Reply(ctx, query, found);
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
